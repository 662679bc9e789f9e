"""Agents: who decides. One kind a file; each cohort is one Mesa agent whose members are columns."""
