"""What a scenario is read with: files, distributions, runs beside it, whether it all fits, and the sentence if not."""
