"""Questions as files: their factors and points, what is estimated at each, and the answer."""
