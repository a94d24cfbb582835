"""What the benchmarks, the integration tests and the differential tests share: programs, processes, ports, raw HTTP."""
