"""What a path leaves behind: rows of blocks and events, samples through time, tables, the figures of the summary."""
