"""Processes: zygotes, daemons, restarts, cgroups, logs. Used by the node and by the agent alike."""
