"""The commands of `underwater` beside those of `cli`: their arguments, and what they say."""
