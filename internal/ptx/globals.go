package ptx

import (
	"encoding/binary"
	"fmt"
)

// Clone returns the module as if its text were loaded once more: its variables are its own, what was parsed and decoded
// is shared.
func (m *Module) Clone() *Module {
	origin := m
	if m.origin != nil {
		origin = m.origin
	}
	return &Module{
		Version: m.Version, Target: m.Target, origin: origin, sum: m.sum, lines: m.lines, scope: m.scope, funcs: m.funcs,
		entries: m.entries, globals: m.globals, kernels: map[string]*Kernel{},
	}
}

// Globals lists the .global and .const variables of the module in the order of the text.
func (m *Module) Globals() []string {
	var names []string
	for _, v := range m.globals {
		if m.scope.vars[v.name] == v {
			names = append(names, v.name)
		}
	}
	return names
}

// Global returns the address and size of a module's .global or .const variable in a memory. The variables get their
// places and initial values there with the first launch or the first question.
func (m *Module) Global(mem *Memory, name string) (addr uint64, size int64, err error) {
	v := m.scope.vars[name]
	if v == nil || v.space != spaceGlobal && v.space != spaceConst {
		return 0, 0, fmt.Errorf("ptx: no global variable %q", name)
	}
	at, err := mem.place(m)
	if err != nil {
		return 0, 0, err
	}
	return at[v].base, int64(v.size), nil
}

// Unload frees the variables of a module.
func (m *Memory) Unload(mod *Module) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.modules[mod] {
		m.free(a)
	}
	delete(m.modules, mod)
}

// place returns the allocations of a module's variables, one for each, so that an access past the end of one is found.
// They are made, with their initial values, the first time.
func (m *Memory) place(mod *Module) (map[*variable]*allocation, error) {
	if len(mod.globals) == 0 {
		return nil, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if at := m.modules[mod]; at != nil {
		return at, nil
	}
	at := make(map[*variable]*allocation, len(mod.globals))
	if err := m.initialise(mod, at); err != nil {
		for _, a := range at {
			m.free(a)
		}
		return nil, err
	}
	m.modules[mod] = at
	return at, nil
}

// initialise allocates variables and writes their initial values, which may be addresses of each other.
func (m *Memory) initialise(mod *Module, at map[*variable]*allocation) error {
	for _, v := range mod.globals {
		a, err := m.alloc(int64(max(v.size, 1)))
		if err != nil {
			return err
		}
		at[v] = a
	}
	for _, v := range mod.globals {
		a := at[v]
		copy(a.data, v.data)
		for _, r := range v.relocs {
			target := at[mod.scope.vars[r.symbol]]
			if target == nil {
				return fmt.Errorf("initial value of %s names %s, which is not a global variable", v.name, r.symbol)
			}
			binary.LittleEndian.PutUint64(a.data[r.at:], target.base+uint64(r.add))
		}
		setBits(a.init, 0, uint64(v.size)) // variables without a value start as zeros
	}
	return nil
}
