package ptx

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const globalsSource = `
.version 7.1
.target sm_80
.address_size 64
.extern .global .u32 tail;
.global .align 4 .b8 table[8] = {1, 0, 0, 0, 2};
.global .u64 at = generic(table);
.global .u32 tail;

// count: counts in table[0], answers table[0] + table[4] through the pointer, and reads i words behind table.
.visible .entry count(.param .u64 out, .param .u32 i)
{
	.reg .b32 %r<4>;
	.reg .b64 %rd<4>;
	ld.param.u64 %rd0, [out];
	ld.global.u64 %rd1, [at];
	ld.u32 %r0, [%rd1];
	add.u32 %r0, %r0, 1;
	st.global.u32 [table], %r0;
	ld.u32 %r1, [%rd1+4];
	add.u32 %r0, %r0, %r1;
	st.global.u32 [%rd0], %r0;
	ld.param.u32 %r2, [i];
	mad.wide.u32 %rd1, %r2, 4, %rd1;
	ld.u32 %r3, [%rd1];
	ret;
}
`

func count(t *testing.T, mod *Module, m *Memory, i uint32) (uint32, error) {
	t.Helper()
	k, err := mod.Entry("count")
	require.NoError(t, err)
	out := alloc(t, m, 4)
	if err := launch1(t, k, m, 1, Options{Sanitize: true}, out, i); err != nil {
		return 0, err
	}
	return download[uint32](t, m, out, 1)[0], nil
}

func TestVariablesBelongToAModuleAndAMemory(t *testing.T) {
	first, err := Parse(globalsSource)
	require.NoError(t, err)
	require.Equal(t, []string{"tail", "table", "at"}, first.Globals())
	second := first.Clone().Clone()
	m, other := NewMemoryAt(1<<40, 0), NewMemoryAt(2<<40, 0)
	for _, step := range []struct {
		mod  *Module
		mem  *Memory
		want uint32
	}{{first, m, 4}, {first, m, 5}, {second, m, 4}, {first, other, 4}, {second, m, 5}, {first, m, 6}} {
		got, err := count(t, step.mod, step.mem, 1)
		require.NoError(t, err)
		require.Equal(t, step.want, got)
	}
	addr, size, err := second.Global(m, "table")
	require.NoError(t, err)
	require.EqualValues(t, 8, size)
	require.Equal(t, []uint32{3, 2}, download[uint32](t, m, addr, 2))
	require.NoError(t, m.Write(addr, []byte{9}))
	got, err := count(t, second, m, 1)
	require.NoError(t, err)
	require.EqualValues(t, 12, got)

	used := m.Used()
	m.Unload(second)
	require.EqualValues(t, used-8-8-4, m.Used())
	require.Error(t, m.Read(addr, make([]byte, 1)))
	got, err = count(t, second, m, 1)
	require.NoError(t, err)
	require.EqualValues(t, 4, got, "loaded afresh")
}

func TestVariablesAreApart(t *testing.T) {
	mod, err := Parse(globalsSource)
	require.NoError(t, err)
	_, err = count(t, mod, NewMemory(0), 2)
	var f *Fault
	require.ErrorAs(t, err, &f)
	require.Equal(t, OutOfBounds, f.Kind)
	require.Contains(t, f.Error(), "0 bytes past the end of an allocation of 8 bytes")
}

func TestVariablesThatDoNotFitLeaveNothing(t *testing.T) {
	mod, err := Parse(globalsSource)
	require.NoError(t, err)
	m := NewMemory(19)
	_, _, err = mod.Global(m, "at")
	require.ErrorIs(t, err, ErrOutOfMemory)
	require.Zero(t, m.Used())
}

// A pointer into a memory that the kernel was not given is out of bounds.
func TestMemoriesOfSeveralDevices(t *testing.T) {
	mod, err := Parse(globalsSource)
	require.NoError(t, err)
	k, err := mod.Entry("count")
	require.NoError(t, err)
	m, other := NewMemoryAt(1<<40, 0), NewMemoryAt(2<<40, 0)
	out := alloc(t, other, 4)
	l := &Launch{Params: params(t, k, out, uint32(0)), Memory: m, Options: Options{Sanitize: true}}
	var f *Fault
	require.ErrorAs(t, k.Run(l), &f)
	require.Equal(t, OutOfBounds, f.Kind)
	require.Equal(t, out, f.Address)
	l.Peers = []*Memory{NewMemoryAt(3<<40, 0), other}
	require.NoError(t, k.Run(l))
	require.Equal(t, []uint32{5}, download[uint32](t, other, out, 1))

	there := alloc(t, m, 12)
	require.NoError(t, m.CopyFrom(other, there+4, out, 4))
	require.Equal(t, []uint32{5}, download[uint32](t, m, there+4, 1))
	require.Error(t, m.CopyFrom(other, there, there, 4), "each end in its memory")
}

func TestAddressesEnd(t *testing.T) {
	m := NewMemoryAt(1<<40, 0)
	m.next = m.end - 3*allocAlign
	_, err := m.Alloc(allocAlign + 1)
	require.ErrorIs(t, err, ErrOutOfMemory)
	a, err := m.Alloc(allocAlign)
	require.NoError(t, err)
	require.LessOrEqual(t, m.next, m.end)
	require.NoError(t, m.Write(a, make([]byte, allocAlign)))
	_, err = m.Alloc(1)
	require.ErrorIs(t, err, ErrOutOfMemory)
}
