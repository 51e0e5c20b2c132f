package ptx

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
)

// Module is parsed PTX text. It is safe for concurrent use.
type Module struct {
	Version string // PTX ISA version, such as 7.1
	Target  string // such as sm_80

	origin  *Module           // of a clone
	sum     [sha256.Size]byte // of the text
	lines   []string
	scope   *scope
	funcs   map[string]*function
	entries []string
	globals []*variable // .global and .const variables at module scope

	mu      sync.Mutex
	kernels map[string]*Kernel
}

// Entries lists the kernels in the order of the text.
func (m *Module) Entries() []string { return append([]string(nil), m.entries...) }

// Entry decodes a kernel, once; later calls return the same one.
func (m *Module) Entry(name string) (*Kernel, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.kernels[name]; k != nil {
		return k, nil
	}
	k, err := m.decode(name)
	if err != nil {
		return nil, err
	}
	m.kernels[name] = k
	return k, nil
}

func (m *Module) decode(name string) (*Kernel, error) {
	if m.origin != nil {
		k, err := m.origin.Entry(name)
		if err != nil {
			return nil, err
		}
		mine := *k
		mine.module = m
		return &mine, nil
	}
	f := m.funcs[name]
	if f == nil || !f.entry {
		return nil, fmt.Errorf("ptx: no entry %q", name)
	}
	return decode(m, f)
}

// line returns the source text of a line, for messages: with single spaces.
func (m *Module) line(n int) string {
	if n < 1 || n > len(m.lines) {
		return ""
	}
	return strings.Join(strings.Fields(m.lines[n-1]), " ")
}

// Param is a kernel parameter: where it lies in the parameter block of a launch.
type Param struct {
	Name                string
	Type                string // element type without the dot, such as u64; more bytes than it has: an array of it
	Size, Align, Offset int
}

// function is an .entry or a .func.
type function struct {
	name    string
	line    int
	entry   bool
	defined bool
	params  []*variable
	rets    []*variable
	scope   *scope
	body    []stmt

	maxThreads int // .maxntid, 0: none
}

// space is a PTX state space.
type space uint8

const (
	spaceGeneric space = iota
	spaceGlobal
	spaceShared
	spaceLocal
	spaceConst
	spaceParam
)

func (s space) String() string {
	return [...]string{"generic", "global", "shared", "local", "const", "param"}[s]
}

// variable is a declaration in a state space other than registers.
type variable struct {
	name   string
	line   int
	space  space
	elem   string // type of an element
	align  int
	size   int
	data   []byte // initial value; zeros follow
	relocs []reloc
	extern bool // .extern .shared: dynamic shared memory
}

// reloc is an address of another variable inside an initial value.
type reloc struct {
	at      int
	symbol  string
	add     int64
	generic bool
}

// regClass is a register's width in bits; predicates have 1.
type regClass uint8

type regRange struct {
	class regClass
	n     int
}

// scope is one { } level of a function, or the module.
type scope struct {
	parent *scope
	regs   map[string]regClass
	ranges map[string]regRange // %r<37> declares %r0 to %r36
	vars   map[string]*variable
	labels map[string]int      // statement index
	tables map[string][]string // .branchtargets
}

func newScope(parent *scope) *scope {
	return &scope{parent, map[string]regClass{}, map[string]regRange{}, map[string]*variable{}, map[string]int{}, map[string][]string{}}
}

// reg finds the register's class and the scope that declares it.
func (s *scope) reg(name string) (regClass, *scope) {
	prefix := strings.TrimRight(name, "0123456789")
	digits := name[len(prefix):]
	for ; s != nil; s = s.parent {
		if c, ok := s.regs[name]; ok {
			return c, s
		}
		r, ok := s.ranges[prefix]
		if !ok || digits == "" || len(digits) > 8 || len(digits) > 1 && digits[0] == '0' {
			continue
		}
		n := 0
		for _, c := range []byte(digits) {
			n = n*10 + int(c-'0')
		}
		if n < r.n {
			return r.class, s
		}
	}
	return 0, nil
}

func (s *scope) variable(name string) *variable {
	for ; s != nil; s = s.parent {
		if v := s.vars[name]; v != nil {
			return v
		}
	}
	return nil
}

func (s *scope) label(name string) (int, *scope) {
	for ; s != nil; s = s.parent {
		if i, ok := s.labels[name]; ok {
			return i, s
		}
	}
	return 0, nil
}

func (s *scope) table(name string) []string {
	for ; s != nil; s = s.parent {
		if t := s.tables[name]; t != nil {
			return t
		}
	}
	return nil
}

// operandKind says what an operand is in the text; its meaning depends on the instruction.
type operandKind uint8

const (
	argName   operandKind = iota // register, variable or label, with an optional offset
	argNumber                    // immediate
	argMem                       // [name+offset] or [number]
	argVec                       // {a, b, c}
	argList                      // (a, b) of a call
)

type numberKind uint8

const (
	numInt numberKind = iota
	numF32            // the bits are a float32
	numF64            // the bits are a float64
)

type operand struct {
	kind operandKind
	name string
	pair string // second name of a|b
	neg  bool   // ! in front
	num  numberKind
	bits uint64
	off  int64
	vec  []operand
}

// stmt is one instruction.
type stmt struct {
	line  int
	op    []string // opcode split at the dots
	guard string   // predicate register, "" none
	gneg  bool
	args  []operand
	scope *scope
}

// has reports whether the opcode carries the suffix.
func (s *stmt) has(suffix string) bool {
	for _, p := range s.op[1:] {
		if p == suffix {
			return true
		}
	}
	return false
}

// typ is the opcode's last suffix.
func (s *stmt) typ() string { return s.op[len(s.op)-1] }
