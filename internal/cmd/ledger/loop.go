package main

import (
	"fmt"
	"regexp"
	"strings"
)

// A loop is the mix of instructions in one: all, those of the tensor cores, and those that feed them (ldmatrix, cp.async).
type loop struct{ all, mma, feed int }

// String is the share of the tensor cores' instructions and of what neither computes nor feeds.
func (l loop) String() string {
	if l.mma == 0 {
		return ""
	}
	return fmt.Sprintf("%d%%, %d%%", 100*l.mma/l.all, 100*(l.all-l.mma-l.feed)/l.all)
}

var (
	labelPattern       = regexp.MustCompile(`^(\.L\w+):`)
	instructionPattern = regexp.MustCompile(`^\s+/\*[0-9a-f]{4,}\*/\s+(.*?)\s*;`)
	branchPattern      = regexp.MustCompile("\\bBRA\\b.*`\\((\\.L\\w+)\\)")
	feedPattern        = regexp.MustCompile(`\b(LDSM|LDGSTS)\b`)
	matrixPattern      = regexp.MustCompile(`\b(HMMA|IMMA|BMMA|DMMA)\b`)
)

// note keeps a line of a disassembly that is a label or an instruction.
func (k *kernel) note(line string) {
	if m := labelPattern.FindStringSubmatch(line); m != nil {
		k.code = append(k.code, m[1]+":")
	} else if m := instructionPattern.FindStringSubmatch(line); m != nil {
		k.code = append(k.code, m[1])
	}
}

// mainLoop is, of the innermost loops, the one with the most tensor-core instructions.
func mainLoop(code []string) (best loop) {
	at := map[string]int{}
	for i, line := range code {
		if strings.HasSuffix(line, ":") {
			at[strings.TrimSuffix(line, ":")] = i
		}
		m := branchPattern.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		start, backward := at[m[1]]
		if !backward {
			continue
		}
		if l := count(code[start : i+1]); l.mma > best.mma {
			best = l
		}
	}
	return best
}

func count(code []string) (l loop) {
	for _, line := range code {
		switch {
		case strings.HasSuffix(line, ":"):
			continue
		case matrixPattern.MatchString(line):
			l.mma++
		case feedPattern.MatchString(line):
			l.feed++
		}
		l.all++
	}
	return l
}
