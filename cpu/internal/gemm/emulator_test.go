//go:build amd64 && !purego

package gemm

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"github.com/tandem-compute/tandem/cpu/internal/vec"
)

// The AVX-512 kernels are tested on machines without AVX-512 by an interpreter of the generated file: some thirty
// instructions on the very memory that the kernels would touch.

// instruction is one line of assembly.
type instruction struct {
	op     string
	args   []operand
	target int // of a jump
}

// operand is a register, memory or an immediate.
type operand struct {
	kind  byte // 'r' general, 'z' vector, 'k' mask, 'm' memory, 'i' immediate
	reg   int  // of memory: the base
	index int  // -1: none
	scale int64
	value int64 // immediate or displacement
}

var generalRegisters = map[string]int{"AX": 0, "BX": 1, "CX": 2, "DX": 3, "SI": 4, "DI": 5, "BP": 6}

// assemblyFile reads the functions of a generated file.
func assemblyFile(name string) (map[string][]instruction, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	functions := map[string][]instruction{}
	for _, body := range strings.Split(string(text), "\nTEXT ·")[1:] {
		head, body, _ := strings.Cut(body, "\n")
		function, _, _ := strings.Cut(head, "(")
		if functions[function], err = parseFunction(body); err != nil {
			return nil, fmt.Errorf("%s: %w", function, err)
		}
	}
	return functions, nil
}

func parseFunction(body string) ([]instruction, error) {
	var code []instruction
	labels, jumps := map[string]int{}, map[int]string{}
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		if label, ok := strings.CutSuffix(line, ":"); ok {
			labels[label] = len(code)
			continue
		}
		if strings.HasPrefix(line, "LONG") {
			in, err := parseDotProduct(line)
			if err != nil {
				return nil, err
			}
			code = append(code, in)
			continue
		}
		op, rest, _ := strings.Cut(line, " ")
		in := instruction{op: op}
		switch {
		case op[0] == 'J':
			jumps[len(code)] = strings.TrimSpace(rest)
		case strings.TrimSpace(rest) != "":
			for _, a := range strings.Split(rest, ",") {
				o, err := parseOperand(strings.TrimSpace(a))
				if err != nil {
					return nil, err
				}
				in.args = append(in.args, o)
			}
		}
		code = append(code, in)
	}
	for at, label := range jumps {
		to, ok := labels[label]
		if !ok {
			return nil, fmt.Errorf("label %q is missing", label)
		}
		code[at].target = to
	}
	return code, nil
}

func parseOperand(s string) (operand, error) {
	if text, ok := strings.CutPrefix(s, "$"); ok {
		v, err := strconv.ParseInt(strings.TrimPrefix(text, "+"), 0, 64)
		return operand{kind: 'i', value: v}, err
	}
	if strings.HasSuffix(s, "(FP)") {
		return operand{kind: 'm', reg: parameter, index: -1}, nil
	}
	disp, rest, memory := strings.Cut(s, "(")
	if !memory {
		return parseRegister(s)
	}
	o := operand{kind: 'm', index: -1}
	if disp != "" {
		v, err := strconv.ParseInt(disp, 0, 64)
		if err != nil {
			return o, err
		}
		o.value = v
	}
	base, index, _ := strings.Cut(strings.TrimSuffix(rest, ")"), ")(")
	r, err := parseRegister(base)
	if err != nil || index == "" {
		o.reg = r.reg
		return o, err
	}
	o.reg = r.reg
	name, scale, _ := strings.Cut(index, "*")
	if r, err = parseRegister(name); err != nil {
		return o, err
	}
	o.index = r.reg
	o.scale, err = strconv.ParseInt(scale, 10, 64)
	return o, err
}

// parseDotProduct reads VDPBF16PS of zmm registers, which the file holds as bytes: EVEX.512.F3.0F38.W0 52 /r.
func parseDotProduct(line string) (instruction, error) {
	var prefix, rest uint32
	if _, err := fmt.Sscanf(line, "LONG $%v; WORD $%v", &prefix, &rest); err != nil {
		return instruction{}, fmt.Errorf("%q: %w", line, err)
	}
	p0, p1, p2, modRM := byte(prefix>>8), byte(prefix>>16), byte(prefix>>24), byte(rest>>8)
	const (
		evex, opcode     = 0x62, 0x52
		map0F38          = 2        // of the low 4 bits of p0
		word0PrefixF3    = 1<<2 | 2 // of p1 without the first source
		zmmWithoutMask   = 2 << 5   // of p2 without the first source's upper bit
		registersInModRM = 3 << 6
	)
	if byte(prefix) != evex || byte(rest) != opcode || p0&15 != map0F38 || p1&^(15<<3) != word0PrefixF3 || p2&^(1<<3) != zmmWithoutMask || modRM < registersInModRM {
		return instruction{}, fmt.Errorf("%q is not VDPBF16PS of zmm registers", line)
	}
	bit := func(p byte, from, to int) int { return int(^p>>from&1) << to }
	sum := int(modRM>>3&7) | bit(p0, 7, 3) | bit(p0, 4, 4)
	first := int(^p1>>3&15) | bit(p2, 3, 4)
	second := int(modRM&7) | bit(p0, 5, 3) | bit(p0, 6, 4)
	in := instruction{op: "VDPBF16PS"}
	for _, r := range []int{second, first, sum} {
		in.args = append(in.args, operand{kind: 'z', reg: r})
	}
	return in, nil
}

// dotProduct is what VDPBF16PS does in a lane: it adds the product of the upper halves, then that of the lower, each
// by an FMA that rounds to nearest even, takes subnormal operands for 0 and makes subnormal results 0.
func dotProduct(sum float32, x, y uint32) float32 {
	sum = flushedFMA(math.Float32frombits(x&^0xffff), math.Float32frombits(y&^0xffff), sum)
	return flushedFMA(math.Float32frombits(x<<16), math.Float32frombits(y<<16), sum)
}

func flushedFMA(x, y, z float32) float32 { return flush(vec.FMA32(flush(x), flush(y), flush(z))) }

// flush makes a subnormal number a zero of its sign.
func flush(x float32) float32 {
	const exponent, sign = 0xff << 23, 1 << 31
	if bits := math.Float32bits(x); bits&exponent == 0 {
		return math.Float32frombits(bits & sign)
	}
	return x
}

// parameter is the register that stands for the frame.
const parameter = 16

func parseRegister(s string) (operand, error) {
	if r, ok := generalRegisters[s]; ok {
		return operand{kind: 'r', reg: r}, nil
	}
	n, err := strconv.Atoi(s[1:])
	if err != nil {
		return operand{}, fmt.Errorf("register %q", s)
	}
	return operand{kind: s[0] | 0x20, reg: n}, nil
}

// vector is the contents of a zmm register, seen in lanes of any type.
type vector [64]byte

func lanes[T any](v *vector) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(v)), len(v)/int(unsafe.Sizeof(*new(T))))
}

// machine is the state of the processor.
type machine struct {
	r          [17]uint64
	z          [32]vector
	k          [8]uint64
	zero, less bool
}

// pointer makes an address of a number that was one before.
func pointer(x uint64) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&x)) }

func (m *machine) address(o operand) unsafe.Pointer {
	a := m.r[o.reg] + uint64(o.value)
	if o.index >= 0 {
		a += m.r[o.index] * uint64(o.scale)
	}
	return pointer(a)
}

// run executes a function on its argument.
func run(code []instruction, argument unsafe.Pointer) {
	var m machine
	m.r[parameter] = uint64(uintptr(unsafe.Pointer(&argument)))
	for pc := 0; ; pc++ {
		in := &code[pc]
		switch in.op {
		case "RET":
			return
		case "JMP":
			pc = in.target - 1
		case "JZ":
			pc = m.jump(pc, in, m.zero)
		case "JNZ", "JNE":
			pc = m.jump(pc, in, !m.zero)
		case "JLT":
			pc = m.jump(pc, in, m.less)
		case "PREFETCHT0", "VZEROUPPER":
		default:
			if in.op[0] == 'V' {
				m.vector(in)
			} else {
				m.scalar(in)
			}
		}
	}
}

func (m *machine) jump(pc int, in *instruction, taken bool) int {
	if taken {
		return in.target - 1
	}
	return pc
}

func (m *machine) value(o operand) uint64 {
	switch o.kind {
	case 'r':
		return m.r[o.reg]
	case 'm':
		return *(*uint64)(m.address(o))
	}
	return uint64(o.value)
}

func (m *machine) set(o operand, x uint64) {
	switch o.kind {
	case 'r':
		m.r[o.reg] = x
	case 'k':
		m.k[o.reg] = x & 0xffff
	case 'm':
		*(*uint64)(m.address(o)) = x
	}
	m.zero = x == 0
}

// scalar executes an instruction on general registers. MOVQ, LEAQ and IMUL3Q set the zero flag here though not in
// hardware; the kernels never test it after them.
func (m *machine) scalar(in *instruction) {
	a, last := in.args, in.args[len(in.args)-1]
	switch in.op {
	case "MOVQ", "KMOVW":
		m.set(last, m.value(a[0]))
	case "LEAQ":
		m.set(last, uint64(uintptr(m.address(a[0]))))
	case "ADDQ":
		m.set(last, m.value(last)+m.value(a[0]))
	case "SUBQ":
		m.set(last, m.value(last)-m.value(a[0]))
	case "ANDQ":
		m.set(last, m.value(last)&m.value(a[0]))
	case "SHRQ":
		m.set(last, m.value(last)>>m.value(a[0]))
	case "IMUL3Q":
		m.set(last, m.value(a[0])*m.value(a[1]))
	case "DECQ":
		m.set(last, m.value(last)-1)
	case "BZHIQ":
		m.set(last, m.value(a[1])&(1<<m.value(a[0])-1))
	case "CMPQ":
		m.zero, m.less = m.value(a[0]) == m.value(a[1]), int64(m.value(a[0])) < int64(m.value(a[1]))
	case "TESTQ":
		m.zero = m.value(a[0])&m.value(a[1]) == 0
	default:
		panic("emulator: " + in.op)
	}
}

// vector executes an instruction on zmm registers.
func (m *machine) vector(in *instruction) {
	a, last := in.args, in.args[len(in.args)-1]
	to := &m.z[last.reg&31]
	switch in.op {
	case "VMOVUPS", "VMOVUPS.Z":
		move[uint32](m, a)
	case "VMOVUPD", "VMOVUPD.Z":
		move[uint64](m, a)
	case "VPXORD":
		x, y := lanes[uint64](m.source(a[0])), lanes[uint64](m.source(a[1]))
		for i := range x {
			lanes[uint64](to)[i] = x[i] ^ y[i]
		}
	case "VBROADCASTSS":
		fill(lanes[uint32](to), *(*uint32)(m.address(a[0])))
	case "VBROADCASTSD":
		fill(lanes[uint64](to), *(*uint64)(m.address(a[0])))
	case "VMULPS":
		combine(m, a, func(_, x, y float32) float32 { return x * y })
	case "VMULPD":
		combine(m, a, func(_, x, y float64) float64 { return x * y })
	case "VFMADD231PS":
		combine(m, a, func(z, x, y float32) float32 { return vec.FMA32(x, y, z) })
	case "VFMADD231PD":
		combine(m, a, func(z, x, y float64) float64 { return math.FMA(x, y, z) })
	case "VDPBF16PS":
		above, below, sums := lanes[uint32](&m.z[a[0].reg]), lanes[uint32](&m.z[a[1].reg]), lanes[float32](to)
		for i, sum := range sums {
			sums[i] = dotProduct(sum, above[i], below[i])
		}
	case "VPORD":
		x, y := lanes[uint32](m.source(a[0])), lanes[uint32](m.source(a[1]))
		for i := range x {
			lanes[uint32](to)[i] = x[i] | y[i]
		}
	case "VCVTPH2PS":
		widen(m, a, func(h uint16) uint32 { return math.Float32bits(vec.F16ToF32(h)) })
	case "VPMOVZXWD":
		widen(m, a, func(h uint16) uint32 { return uint32(h) })
	case "VPSLLD":
		x := lanes[uint32](m.source(a[1]))
		for i := range x {
			lanes[uint32](to)[i] = x[i] << a[0].value
		}
	default:
		panic("emulator: " + in.op)
	}
}

// source is a whole vector in a register or in memory.
func (m *machine) source(o operand) *vector {
	if o.kind == 'z' {
		return &m.z[o.reg]
	}
	return (*vector)(m.address(o))
}

func fill[T any](to []T, x T) {
	for i := range to {
		to[i] = x
	}
}

// combine sets each lane of the last operand to f of itself and those of the second and the first.
func combine[T float32 | float64](m *machine, a []operand, f func(z, x, y T) T) {
	x, y, z := lanes[T](m.source(a[1])), lanes[T](m.source(a[0])), lanes[T](&m.z[a[2].reg])
	for i := range z {
		z[i] = f(z[i], x[i], y[i])
	}
}

// widen converts 16 halves.
func widen(m *machine, a []operand, f func(uint16) uint32) {
	to := lanes[uint32](&m.z[a[1].reg])
	for i, h := range halves(m.address(a[0]), len(to)) {
		to[i] = f(h)
	}
}

// move copies a vector, lane by lane if there is a mask: lanes of memory that the mask leaves out are not touched, those
// of a register become 0.
func move[T uint32 | uint64](m *machine, a []operand) {
	from, to := a[0], a[len(a)-1]
	mask := ^uint64(0)
	if len(a) == 3 {
		mask = m.k[a[1].reg]
	}
	size := int(unsafe.Sizeof(*new(T)))
	for i := range 64 / size {
		set := mask>>i&1 != 0
		switch {
		case to.kind == 'm' && set:
			*(*T)(unsafe.Add(m.address(to), i*size)) = lanes[T](&m.z[from.reg])[i]
		case to.kind == 'm':
		case !set:
			lanes[T](&m.z[to.reg])[i] = 0
		case from.kind == 'm':
			lanes[T](&m.z[to.reg])[i] = *(*T)(unsafe.Add(m.address(from), i*size))
		default:
			lanes[T](&m.z[to.reg])[i] = lanes[T](&m.z[from.reg])[i]
		}
	}
}
