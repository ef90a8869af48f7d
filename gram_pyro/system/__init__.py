"""The system around a program: files, command lines, signals, processes, the machine."""
