"""How many paths are computed: cells with addresses, shards that keep them, and where the work is done."""
