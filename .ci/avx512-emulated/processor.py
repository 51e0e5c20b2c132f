"""Executes functions of another process on an emulated processor, on that process's memory.

    processor.py PID

Each line of input is the address of a Go function with one pointer parameter, and the argument, in hexadecimal. The
answer is "ok", or what went wrong. The function must touch no memory but the program's and the part of the heap, 512 GiB
long, that its argument lies in.
"""

import ctypes
import os
import struct
import sys

import bochscpu
import bochscpu.cpu
import bochscpu.memory
from bochscpu._bochscpu import Segment

PAGE = 4096
TLS = PAGE // 2
HALF = 1 << 39  # physical memory below is the program's, above the heap's
STOP, G, STACK, TABLES = 0x10000, 0x11000, 0x13000, 0x20000  # our own pages, below the program
CR4_SSE, CR4_XSAVE = 3 << 9, 1 << 18
XCR0_AVX512 = 0xE7
PRESENT_WRITABLE_USER, HUGE = 7, 1 << 7
HLT = b"\xf4"


class Processor:
    def __init__(self, pid):
        self.memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
        self.own, self.program, self.heap = {}, {}, {}  # physical address: host address, content when it was read
        self.unused = []  # host addresses
        self.part = 1  # of virtual memory, that the heap is in
        self.fault = None

        self.session, self.hook = bochscpu.Session(), bochscpu.Hook()
        self.session.missing_page_handler = self.missing
        self.hook.exception = self.exception
        self.hook.hlt = lambda session, cpu: session.stop()

        for i in range(2):  # pages of 1 GiB
            entries = [(512 * i + j) << 30 | HUGE | PRESENT_WRITABLE_USER for j in range(512)]
            self.insert(self.own, TABLES + (1 + i) * PAGE, struct.pack("<512Q", *entries))
        self.insert(self.own, TABLES, self.top_table())
        self.insert(self.own, STOP, HLT * PAGE)
        self.insert(self.own, G, g_page())
        self.insert(self.own, STACK, bytes(PAGE))
        self.state = initial_state()

    def top_table(self):
        entries = [0] * 512
        entries[0] = TABLES + PAGE | PRESENT_WRITABLE_USER
        entries[self.part] = TABLES + 2 * PAGE | PRESENT_WRITABLE_USER
        return struct.pack("<512Q", *entries)

    def insert(self, pages, physical, content):
        host = self.unused.pop() if self.unused else bochscpu.memory.allocate_host_page()
        ctypes.memmove(host, content, PAGE)
        bochscpu.memory.page_insert(physical, host)
        pages[physical] = host, content

    def virtual(self, physical):
        return physical if physical < HALF else physical - HALF + self.part * HALF

    def missing(self, physical):
        """Brings a page of the other process when it is first touched."""
        physical &= -PAGE
        try:
            content = os.pread(self.memory, PAGE, self.virtual(physical))
        except OSError:
            content = b""
        if len(content) < PAGE:
            self.fault = f"no memory at {self.virtual(physical):#x}"
            content = bytes(PAGE)
        self.insert(self.program if physical < HALF else self.heap, physical, content)

    def exception(self, session, cpu, vector, error):
        self.fault = f"exception {vector}, error {error:#x}, before {session.cpu.rip:#x}"
        session.stop()

    def run(self, function, argument):
        self.fault = None
        if argument // HALF != self.part:
            self.part = argument // HALF
            ctypes.memmove(self.own[TABLES][0], self.top_table(), PAGE)
        top = PAGE - 128
        ctypes.memmove(self.own[STACK][0] + top, struct.pack("<Q", STOP), 8)  # where the function returns to
        s = self.state
        s.rip, s.rsp, s.rax, s.r14, s.rflags = function, STACK + top, argument, G, 2
        self.session.cpu.state = s
        self.session.run([self.hook])
        if self.fault is None and self.session.cpu.rip not in (STOP, STOP + len(HLT)):
            self.fault = f"stopped at {self.session.cpu.rip:#x}"
        self.write_back()

    def write_back(self):
        """Lets go of the heap. Only bytes that changed are written: other threads may have written beside them."""
        for physical, (host, old) in self.heap.items():
            new = ctypes.string_at(host, PAGE)
            for start, end in differences(old, new):
                os.pwrite(self.memory, new[start:end], self.virtual(physical) + start)
            bochscpu.memory.page_remove(physical)
            self.unused.append(host)
        self.heap.clear()


def differences(old, new):
    """Yields the runs of bytes that differ in two pages."""
    at = 0
    while at < PAGE:
        if new[at : at + 64] == old[at : at + 64]:
            at += 64
            continue
        while new[at] == old[at]:
            at += 1
        end = at
        while end < PAGE and new[end] != old[end]:
            end += 1
        yield at, end
        at = end


def g_page():
    """A goroutine whose stack has no bound, and its address where thread-local storage ends."""
    return bytes(TLS - 8) + struct.pack("<Q", G) + bytes(PAGE - TLS)


def initial_state():
    """64-bit mode with paging and AVX-512."""
    state = bochscpu.State()
    bochscpu.cpu.set_long_mode(state)
    state.cr3, state.xcr0 = TABLES, XCR0_AVX512
    state.cr4 |= CR4_SSE | CR4_XSAVE
    state.mxcsr, state.mxcsr_mask = 0x1F80, 0xFFFF
    state.cs = segment(8, code=True)
    for register in "ds", "es", "ss", "gs":
        setattr(state, register, segment(16))
    state.fs = segment(16, base=G + TLS)  # below it Go keeps the address of g
    return state


def segment(selector, base=0, code=False):
    s, flags = Segment(), bochscpu.cpu.SegmentFlags()
    flags.P = flags.A = flags.S = True
    if code:
        flags.E = flags.L = flags.R = True
    else:
        flags.DB = flags.W = True
    s.present, s.selector, s.base, s.limit, s.attr = True, selector, base, 0xFFFFFFFF, int(flags)
    return s


def main():
    processor, calls, functions = Processor(int(sys.argv[1])), 0, set()
    for line in sys.stdin:
        function, argument = (int(x, 16) for x in line.split())
        processor.run(function, argument)
        calls += 1
        functions.add(function)
        print(processor.fault or "ok", flush=True)
    print(f"Bochs executed {calls} calls of {len(functions)} functions", file=sys.stderr, flush=True)
    os._exit(0)  # the library's own end is not clean


main()
