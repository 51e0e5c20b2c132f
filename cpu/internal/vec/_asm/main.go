// Command _asm writes the kernels of package vec: ../avx2_amd64.s or ../avx512_amd64.s, with the declarations in ../avx2_decl_amd64.go or
// ../avx512_decl_amd64.go.
//
//	go run . -isa avx2
//	go run . -isa avx512
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
	isa := flag.String("isa", "", "avx2 or avx512")
	flag.Parse()
	assembly := "../" + *isa + "_amd64.s"
	flag.Set("out", assembly)
	flag.Set("stubs", "../"+*isa+"_decl_amd64.go")
	flag.Set("pkg", "vec")
	ConstraintExpr("!purego")
	switch *isa {
	case "avx2":
		avx2()
		Generate()
		refuseWideRegisters(assembly)
	case "avx512":
		takeAVX512()
		avx512()
		Generate()
	default:
		log.Fatal("-isa must be avx2 or avx512")
	}
}

func avx2() {
	for _, t := range []real{f32, f64} {
		arithmetic(t)
		reductions(t)
		t.indexOf()
	}
	transcendentals()
	trigonometric("sin", true)
	trigonometric("cos", false)
	rowsTogether()
	comparisons()
	integers()
	conversions()
	transpose()
	philox()
	constants()
}

// avx512 emits float32 and halves, what models spend their time on.
func avx512() {
	arithmetic(f32)
	reductions(f32)
	transcendentals()
	halves()
	constants()
}

// refuseWideRegisters fails if the register allocator has taken a register that only AVX-512 has. It does so without a word once more
// than sixteen vectors are alive.
func refuseWideRegisters(output string) {
	text, err := os.ReadFile(output)
	if err != nil {
		log.Fatal(err)
	}
	function := ""
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "TEXT ·"); ok {
			function, _, _ = strings.Cut(name, "(")
		}
		if wideRegister.MatchString(line) {
			log.Fatalf("%s needs more than 16 vector registers: %s", function, line)
		}
	}
}

var wideRegister = regexp.MustCompile(`\b[XYZ](1[6-9]|2\d|3[01])\b`)
