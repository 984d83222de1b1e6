"""From several spike trains to one."""
