package ptx

import "fmt"

// maxStatements bounds a kernel after inlining.
const (
	maxStatements = 1 << 20
	maxCalls      = 1 << 14
)

// env is one activation of a function: the kernel's own, or a call that was inlined. Registers, labels and local
// variables are told apart by it.
type env struct {
	f     *function
	depth int
	pos   []int32 // statement number -> flat position; one more for the end
	alias map[*variable]place
	frame map[*variable]int // offset of a local or param variable in the thread's local memory
}

// place is a variable of an activation.
type place struct {
	env *env
	v   *variable
}

// flatStmt is a statement of an activation. With skip set it is a branch to the end of that activation.
type flatStmt struct {
	*stmt
	env  *env
	skip *env
}

// flatten lists the statements of a kernel with all calls inlined. A call passes its arguments by name: the callee's
// parameters are the caller's .param variables.
func (d *decoder) flatten(e *env) {
	f := e.f
	e.pos = make([]int32, len(f.body)+1)
	for i := range f.body {
		s := &f.body[i]
		e.pos[i] = int32(len(d.flat))
		if len(d.flat) > maxStatements {
			d.fail("%s is too long", f.name)
		}
		if s.op[0] != "call" {
			d.flat = append(d.flat, flatStmt{s, e, nil})
			continue
		}
		d.cur = s
		callee := d.callee(e, s)
		if s.guard != "" {
			around := *s
			around.op, around.gneg = []string{"bra"}, !s.gneg
			d.flat = append(d.flat, flatStmt{&around, e, callee})
		}
		d.flatten(callee)
	}
	e.pos[len(f.body)] = int32(len(d.flat))
}

// callee binds the arguments of a call: call (ret), name, (arguments); either list may be missing.
func (d *decoder) callee(e *env, s *stmt) *env {
	var lists [2][]operand
	args := s.args
	if len(args) > 0 && args[0].kind == argList {
		lists[0], args = args[0].vec, args[1:]
	}
	if len(args) == 0 || args[0].kind != argName {
		d.fail("call without a function name")
	}
	name := args[0].name
	if len(args) > 1 && args[1].kind == argList {
		lists[1] = args[1].vec
	}
	f := d.m.funcs[name]
	switch {
	case f == nil || !f.defined || f.entry:
		d.fail("call of %s, which has no body here", name)
	case len(lists[0]) != len(f.rets) || len(lists[1]) != len(f.params):
		d.fail("call of %s: %d results and %d arguments given, %d and %d wanted", name, len(lists[0]), len(lists[1]), len(f.rets), len(f.params))
	case e.depth > 64 || d.calls > maxCalls:
		d.fail("call of %s is nested too deeply: recursion is not supported", name)
	}
	d.calls++
	callee := newEnv(f, e.depth+1)
	bind := func(vars []*variable, args []operand) {
		for i, v := range vars {
			from := s.scope.variable(args[i].name)
			if from == nil || from.space != spaceParam {
				d.fail("argument %s of a call is not a .param variable", args[i].name)
			}
			callee.alias[v] = e.resolve(from)
		}
	}
	bind(f.rets, lists[0])
	bind(f.params, lists[1])
	return callee
}

func newEnv(f *function, depth int) *env {
	return &env{f: f, depth: depth, alias: map[*variable]place{}, frame: map[*variable]int{}}
}

// resolve follows parameters to the variable of the caller that stands for them.
func (e *env) resolve(v *variable) place {
	if p, ok := e.alias[v]; ok {
		return p
	}
	return place{e, v}
}

// localOffset gives a .local variable, or a .param variable of a call, its place in the thread's local memory.
func (d *decoder) localOffset(p place) int {
	if off, ok := p.env.frame[p.v]; ok {
		return off
	}
	size := max(p.v.size, 1)
	off := alignUp(d.k.local, p.v.align)
	d.k.local = off + size
	p.env.frame[p.v] = off
	if d.k.local > 1<<19 {
		d.fail("more than 512 KiB of local memory per thread")
	}
	return off
}

func alignUp(n, align int) int { return (n + align - 1) &^ (align - 1) }

// layShared places the static shared variables that the kernel names, in the order of their first mention.
func (d *decoder) layShared() {
	align := 16
	for _, s := range d.flat {
		d.cur = s.stmt
		var walk func(o operand)
		walk = func(o operand) {
			for _, x := range o.vec {
				walk(x)
			}
			if o.name == "" || o.name[0] == '%' {
				return
			}
			v := s.scope.variable(o.name)
			if v == nil || v.space != spaceShared {
				return
			}
			align = max(align, v.align)
			if _, ok := d.shared[v]; ok || v.extern {
				return
			}
			d.k.static = alignUp(d.k.static, v.align)
			d.shared[v] = d.k.static
			d.k.static += v.size
		}
		for _, o := range s.args {
			walk(o)
		}
	}
	d.k.dynamic = alignUp(d.k.static, align)
	if d.k.static > maxVariable {
		d.fail("%s uses %d bytes of shared memory", d.k.name, d.k.static)
	}
}

func (d *decoder) fail(format string, args ...any) {
	line := 0
	op := ""
	if d.cur != nil {
		line = d.cur.line
		op = d.m.line(line) + ": "
	}
	panic(&SyntaxError{line, op + fmt.Sprintf(format, args...)})
}
