"""What runs, comparisons and experiments leave in their directories, and how it is read."""
