"""Hardware: devices, memory, compiled programs, the allocator."""
