package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A kernel is what the tools say about one entry point on one architecture.
type kernel struct {
	threads   int // per block, from its launch bounds
	registers int
	shared    int // bytes, static
	stack     int // bytes of local memory
	mma, wide int // instructions in the code
	loop      loop
	code      []string // labels and instructions
}

// An architecture has the resources of one multiprocessor.
type architecture struct {
	name                     string
	warps, blocks, registers int
	shared                   int // bytes, of which each block takes one KiB beside its own
}

var architectures = []architecture{
	{"sm_80", 64, 32, 65536, 164 << 10},
	{"sm_90", 64, 32, 65536, 228 << 10},
}

// occupancy is the percentage of the warps that can be resident. Registers come in units of 256 per warp.
func (a architecture) occupancy(k *kernel) int {
	warps := (k.threads + 31) / 32
	blocks := min(a.blocks, a.warps/warps)
	if perWarp := (k.registers*32 + 255) &^ 255; perWarp > 0 {
		blocks = min(blocks, a.registers/perWarp/warps)
	}
	blocks = min(blocks, a.shared/(k.shared+1024))
	return 100 * blocks * warps / a.warps
}

var (
	entryPattern    = regexp.MustCompile(`\.entry (\w+)\(`)
	threadsPattern  = regexp.MustCompile(`^\.maxntid (\d+), (\d+), (\d+)`)
	functionPattern = regexp.MustCompile(`Compiling entry function '(\w+)'`)
	stackPattern    = regexp.MustCompile(`(\d+) bytes stack frame, (\d+) bytes spill stores`)
	usedPattern     = regexp.MustCompile(`Used (\d+) registers`)
	sharedPattern   = regexp.MustCompile(`(\d+) bytes smem`)
	sectionPattern  = regexp.MustCompile(`^\.text\.(\w+):`)
	mmaPattern      = regexp.MustCompile(`\s(HMMA|IMMA|BMMA|DMMA|HGMMA|IGMMA)\.`)
	widePattern     = regexp.MustCompile(`\s(LDG|STG|LDS|STS|LD|ST|LDGSTS)\.\S*128`)
)

func number(s string) int {
	n, _ := strconv.Atoi(s) // matched by \d+
	return n
}

// readBlocks finds the entries of a PTX text and their launch bounds.
func readBlocks(kernels map[string]*kernel, ptx string) error {
	var last *kernel
	for line := range strings.Lines(ptx) {
		if m := entryPattern.FindStringSubmatch(line); m != nil {
			last = &kernel{}
			kernels[m[1]] = last
		}
		if m := threadsPattern.FindStringSubmatch(line); m != nil && last != nil {
			last.threads = number(m[1]) * number(m[2]) * number(m[3])
		}
	}
	for name, k := range kernels {
		if k.threads == 0 {
			return fmt.Errorf("%s has no launch bounds", name)
		}
	}
	return nil
}

// readResources reads what ptxas -v says.
func readResources(kernels map[string]*kernel, info string) error {
	var last *kernel
	for line := range strings.Lines(info) {
		if m := functionPattern.FindStringSubmatch(line); m != nil {
			last = kernels[m[1]]
			if last == nil {
				return fmt.Errorf("ptxas names an entry %s that the text lacks", m[1])
			}
		}
		if last == nil {
			continue
		}
		if m := stackPattern.FindStringSubmatch(line); m != nil {
			last.stack = max(number(m[1]), number(m[2]))
		}
		if m := usedPattern.FindStringSubmatch(line); m != nil {
			last.registers = number(m[1])
			if m := sharedPattern.FindStringSubmatch(line); m != nil {
				last.shared = number(m[1])
			}
		}
	}
	for name, k := range kernels {
		if k.registers == 0 {
			return fmt.Errorf("ptxas says nothing of %s", name)
		}
	}
	return nil
}

// readInstructions counts in a disassembly.
func readInstructions(kernels map[string]*kernel, sass string) {
	var last *kernel
	for line := range strings.Lines(sass) {
		if m := sectionPattern.FindStringSubmatch(line); m != nil {
			last = kernels[m[1]]
		}
		if last == nil {
			continue
		}
		last.note(line)
		if mmaPattern.MatchString(line) {
			last.mma++
		}
		if widePattern.MatchString(line) {
			last.wide++
		}
	}
	for _, k := range kernels {
		k.loop = mainLoop(k.code)
		k.code = nil
	}
}
