package ptx

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParse: any text parses or gives a *SyntaxError, and so does any kernel of it; what decodes also runs within its
// budget without a panic.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.ptx")
	require.NoError(f, err)
	for _, name := range files {
		src, err := os.ReadFile(name)
		require.NoError(f, err)
		for _, part := range strings.Split(string(src), ".visible")[1:] {
			f.Add(".version 7.1\n.target sm_80\n.address_size 64\n.visible" + part)
		}
	}
	f.Add(strings.NewReplacer("%%", "%", "%s", "").Replace(laneKernel))
	f.Add(".version 7.1\n.target sm_80\n.address_size 64\n.global .u64 p = generic(q)+8; .global .b32 q[3] = {1, 0f3F800000, -2};\n.entry k() { ret; }")
	f.Fuzz(func(t *testing.T, src string) {
		m, err := Parse(src)
		var syntax *SyntaxError
		if err != nil {
			require.True(t, errors.As(err, &syntax), "%v", err)
			return
		}
		for _, name := range m.Entries() {
			k, err := m.Entry(name)
			if err != nil {
				require.True(t, errors.As(err, &syntax), "%v", err)
				continue
			}
			if k.paramSize > 1<<16 || k.local > 1<<12 {
				continue
			}
			mem := NewMemory(1 << 20)
			l := &Launch{Grid: [3]int{2}, Block: [3]int{40}, Params: make([]byte, k.paramSize), Memory: mem}
			l.Options = Options{Sanitize: true, Meter: &Meter{}, Budget: 2000}
			_ = k.Run(l)
		}
	})
}

func TestSyntaxErrors(t *testing.T) {
	wrap := func(body string) string {
		return ".version 7.1\n.target sm_80\n.address_size 64\n.entry k(.param .u64 p)\n{\n.reg .b32 %r<4>; .reg .b64 %rd<4>; .reg .pred %p<2>; .reg .b16 %h;\n" + body + "\nret;\n}\n"
	}
	for body, want := range map[string]string{
		"frobnicate.b32 %r0, %r1;":      "line 7: frobnicate.b32 %r0, %r1;: unknown instruction frobnicate.b32",
		"add.s32 %r0, %r9, 1;":          "undeclared register %r9",
		"add.s32 %r0, %rd1, 1;":         "%rd1 has 64 bits",
		"add.s32 %r0, %r1;":             "2 operands, 3 wanted",
		"add.frob.s32 %r0, %r1, 2;":     "unknown instruction",
		"bra NOWHERE;":                  "no label NOWHERE",
		"ld.global.u32 %r0, [nothing];": "unknown name nothing",
		"ld.param.u64 %rd0, [p+8];":     "out of bounds",
		"call foo, ();":                 "no body",
		"setp.frob.s32 %p0, %r0, %r1;":  "unknown instruction",
		"@%r0 add.s32 %r0, %r0, 1;":     "not a predicate",
		"mma.sync.aligned.m7n8k9.row.col.f32.bf16.bf16.f32 {%r0}, {%r0}, {%r0}, {%r0};": "unknown instruction",
		"atom.global.add.v2.f32 {%r0, %r1}, [%rd0], {%r2, %r3};":                        "unknown instruction",
		"cvt.s32.f32 %r0, %r1;": "needs .rni",
	} {
		m, err := Parse(wrap(body))
		require.NoError(t, err, body)
		_, err = m.Entry("k")
		require.ErrorContains(t, err, want, body)
		require.ErrorContains(t, err, "line 7", body)
	}
	for _, src := range []string{
		"garbage", ".version 7.1 .entry", ".entry k( {", ".entry k() { add.s32 ", ".global .b8 x[99999999999];", ".global .f99 x;",
		".entry k() { x: x: ret; }", "/* no end", "\"no end", ".address_size 32", ".entry k() { ret; } .entry k() { ret; }", ".global .b8 x[2] = {1,2,3};", "\x00",
	} {
		_, err := Parse(src)
		var syntax *SyntaxError
		require.ErrorAs(t, err, &syntax, src)
	}
}

// TestRecursion: functions that call themselves, and towers of calls, end in an error.
func TestRecursion(t *testing.T) {
	var src strings.Builder
	src.WriteString(".version 7.1\n.target sm_80\n.address_size 64\n.func f40() { ret; }\n")
	for i := 39; i >= 0; i-- {
		name := func(i int) string { return "f" + string(rune('0'+i/10)) + string(rune('0'+i%10)) }
		next := name(i + 1)
		src.WriteString(".func " + name(i) + "() { call " + next + "; call " + next + "; ret; }\n")
	}
	src.WriteString(".func loop() { call loop; ret; }\n.entry a() { call f00; ret; }\n.entry b() { call loop; ret; }\n")
	m, err := Parse(src.String())
	require.NoError(t, err)
	for _, name := range []string{"a", "b"} {
		_, err = m.Entry(name)
		require.ErrorContains(t, err, "recursion")
	}
}
