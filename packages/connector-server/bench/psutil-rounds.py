"""Reads the values of a server collection with psutil. Prints CPU in ms per round and memory in MB."""

import resource
import sys

import psutil


def read_machine():
    psutil.cpu_times()
    psutil.cpu_times(percpu=True)
    psutil.cpu_stats()
    psutil.getloadavg()
    psutil.virtual_memory()
    psutil.swap_memory()
    for partition in psutil.disk_partitions():
        psutil.disk_usage(partition.mountpoint)
    psutil.disk_io_counters(perdisk=True)
    psutil.net_io_counters(pernic=True)
    psutil.boot_time()


def read_processes():
    for process in psutil.process_iter():
        try:
            with process.oneshot():
                process.name(), process.status(), process.cpu_times(), process.memory_info()
        except psutil.Error:
            pass


def cpu_of(rounds, read):
    def used():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    for _ in range(10):
        read()
    before = used()
    for _ in range(rounds):
        read()
    return (used() - before) / rounds * 1000


rounds = int(sys.argv[1])
machine = cpu_of(rounds, read_machine)
processes = cpu_of(rounds, read_processes)
print(machine, processes, psutil.Process().memory_info().rss / 1e6)
