// Package isa names the instruction sets that the CPU kernels are written for and says which of them this machine has.
//
// A Level is what a kernel table is chosen by; Features are extensions that sit on top of AVX512 behind a bit of
// their own. TANDEM_CPU and tests force a level below the detected one, so that every variant can run on the
// most capable machine at hand.
package isa

import (
	"fmt"
	"strings"

	"golang.org/x/sys/cpu"
)

// Level orders the variants: a machine that runs one runs all before it.
type Level uint8

const (
	Generic Level = iota // plain Go
	AVX2                 // AVX2, FMA, F16C, BMI2
	AVX512               // AVX-512 F, BW, DQ, VL: Skylake-X, Zen 4 and later
	numLevels
)

var names = [numLevels]string{"generic", "avx2", "avx512"}

func (l Level) String() string { return names[l] }

// Features are instructions beyond a level.
type Features struct {
	BF16      bool // AVX512_BF16: VDPBF16PS and the conversions
	VNNI      bool // AVX512_VNNI: VPDPBUSD and its kin
	VPOPCNTDQ bool // AVX512_VPOPCNTDQ: population counts of vectors
}

// Detect reports the highest level that the processor and the build (tag purego) allow.
func Detect() (Level, Features) {
	if !assembly {
		return Generic, Features{}
	}
	x := &cpu.X86
	switch {
	case !(x.HasAVX2 && x.HasFMA && x.HasBMI2 && x.HasF16C):
		return Generic, Features{}
	case x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL:
		return AVX512, Features{BF16: x.HasAVX512BF16, VNNI: x.HasAVX512VNNI, VPOPCNTDQ: x.HasAVX512VPOPCNTDQ}
	}
	return AVX2, Features{}
}

// Parse reads a level's name, as TANDEM_CPU spells it. It refuses a level that this machine cannot run.
func Parse(name string) (Level, error) {
	best, _ := Detect()
	for l, n := range names {
		if n != name {
			continue
		}
		if Level(l) > best {
			return 0, fmt.Errorf("cpu variant %q: this machine and build reach %v", name, best)
		}
		return Level(l), nil
	}
	return 0, fmt.Errorf("cpu variant %q: want one of %s", name, strings.Join(names[:], ", "))
}

// Available lists the levels that run here, lowest first.
func Available() []Level {
	best, _ := Detect()
	var ls []Level
	for l := Generic; l <= best; l++ {
		ls = append(ls, l)
	}
	return ls
}
