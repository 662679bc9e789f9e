"""The dashboard: turn a scenario's knobs, watch the cascade, and look back at any moment of it.

`knobs` changes a scenario, `live` runs it, `snapshot` is what the figures read, `desk` is one page's state; none of
these knows the page. Only `page`, `controls` and `server` need the extra `dashboard`.
"""
