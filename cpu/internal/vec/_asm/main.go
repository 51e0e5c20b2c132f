// Command _asm writes the AVX2 kernels of package vec: ../avx2_amd64.s and the declarations in ../avx2_decl_amd64.go.
//
// Every kernel has a twin in plain Go in package vec, which defines it; here the same operations stand in the same order.
package main

import (
	"flag"
	"log"
	"os"
	"regexp"
	"strings"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	flag.Set("out", output)
	flag.Set("stubs", "../avx2_decl_amd64.go")
	flag.Set("pkg", "vec")
	ConstraintExpr("!purego")
	for _, t := range []real{f32, f64} {
		arithmetic(t)
		reductions(t)
	}
	transcendentals()
	rowsTogether()
	comparisons()
	integers()
	conversions()
	transpose()
	philox()
	constants()
	Generate()
	refuseWideRegisters()
}

const output = "../avx2_amd64.s"

// refuseWideRegisters fails if the register allocator has taken a register that only AVX-512 has. It does so without a word once more
// than sixteen vectors are alive.
func refuseWideRegisters() {
	text, err := os.ReadFile(output)
	if err != nil {
		log.Fatal(err)
	}
	function := ""
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "TEXT ·"); ok {
			function, _, _ = strings.Cut(name, "(")
		}
		if wide.MatchString(line) {
			log.Fatalf("%s needs more than 16 vector registers: %s", function, line)
		}
	}
}

var wide = regexp.MustCompile(`\b[XYZ](1[6-9]|2\d|3[01])\b`)
