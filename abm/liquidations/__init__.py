"""From what is on offer to a call that is paid: who looks at what, what it can bring, who goes first, and the gas."""
