"""Implementations in memory, faults, a clock to turn, and the contract test classes: shipped, for plugin authors too."""
