"""Loops in C++ for the CPU: what PyTorch would do in many passes over the memory, in one."""
