package parity

import (
	"fmt"
	"path"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/tandem-compute/tandem/internal/op"
)

//go:generate make -C ../.. support

// Matrix is what one device answers to every op on every dtype.
type Matrix struct {
	Device string
	Rows   []MatrixRow // by family
	Views  []string    // ops that compute nothing, which no device is asked about
}

// MatrixRow is one op's part of a Matrix.
type MatrixRow struct {
	Family, Op string
	Cells      []MatrixCell // by op.DTypes
}

// MatrixCell is the answer for one dtype.
type MatrixCell struct {
	Reason string // why not; empty for a yes
	Case   string // the parity case whose operands were asked about; empty where there is none of this dtype
}

// Yes tells whether the device has a kernel.
func (c MatrixCell) Yes() bool { return c.Reason == "" }

// Support asks a device about every op of op.All on every dtype. The operands are those of the parity cases: of the op's first
// case of the dtype, or of its first case with the dtype put in, which tells why there is none.
func Support(b op.Backend) Matrix {
	m := Matrix{Device: b.Name()}
	samples := samplesByOp()
	for _, o := range op.All() {
		if _, ok := o.(op.Window); ok {
			m.Views = append(m.Views, o.Name())
			continue
		}
		row := MatrixRow{Family: Family(o), Op: o.Name()}
		for _, d := range op.DTypes {
			row.Cells = append(row.Cells, ask(b, o, samples[o.Name()], d))
		}
		m.Rows = append(m.Rows, row)
	}
	slices.SortStableFunc(m.Rows, func(a, b MatrixRow) int { return strings.Compare(a.Family, b.Family) })
	return m
}

// samplesByOp is the first case of each op and dtype, by the op's name.
func samplesByOp() map[string][]Case {
	all := map[string][]Case{}
	for _, c := range Cases() {
		if c.Quick {
			all[c.Op.Name()] = append(all[c.Op.Name()], c)
		}
	}
	return all
}

// ask puts one question. An op without a case is asked about with operands of no meaning, enough to hear whether there
// is a kernel.
func ask(b op.Backend, o op.Op, samples []Case, d op.DType) (cell MatrixCell) {
	if len(samples) == 0 {
		some := make([]op.Type, op.MaxOperands)
		for i := range some {
			some[i] = op.Make(d, 2, 2, 2, 2)
		}
		_, err := b.Supports(o, some, some)
		return MatrixCell{Reason: reason(err)}
	}
	i := slices.IndexFunc(samples, func(c Case) bool { return dtypeName(c.Op, c.In) == d.String() })
	var in []op.Type
	if i >= 0 {
		o, in, cell.Case = samples[i].Op, samples[i].types(), samples[i].Name
	} else {
		o, in = samples[0].retyped(d)
	}
	out, err := o.Infer(nil, in)
	if err == nil {
		_, err = b.Supports(o, in, out)
	}
	cell.Reason = reason(err)
	return cell
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// types are the types of the case's operands.
func (c *Case) types() []op.Type {
	in := make([]op.Type, len(c.In))
	for i := range in {
		in[i] = c.In[i].Type
	}
	return in
}

// retyped is the case's op and its operands' types with d in place of the dtype that the case is about.
func (c *Case) retyped(d op.DType) (op.Op, []op.Type) {
	in, about := c.types(), dtypeName(c.Op, c.In)
	for i := range in {
		if in[i].DType.String() == about && c.In[i].Gen != Index && c.In[i].Gen != Key {
			in[i].DType = d
		}
	}
	switch p := c.Op.(type) {
	case *op.Fill:
		q := *p
		q.DType = d
		return &q, in
	case *op.Iota:
		q := *p
		q.DType = d
		return &q, in
	case *op.Random:
		q := *p
		q.DType = d
		return &q, in
	}
	return c.Op, in
}

// Family is the op's family. A family has one file name in every room, so the file of internal/op that declares the
// op names it, and an op cannot be without one.
func Family(o op.Op) string {
	kind, _ := reflect.TypeOf(o).MethodByName("Kind") // every Op has it
	file, _ := runtime.FuncForPC(kind.Func.Pointer()).FileLine(kind.Func.Pointer())
	return strings.TrimSuffix(path.Base(file), ".go")
}

// Count is how many pairs of op and dtype the device has a kernel for, and how many pairs there are.
func (m *Matrix) Count() (yes, all int) {
	for _, r := range m.Rows {
		all += len(r.Cells)
		for _, c := range r.Cells {
			if c.Yes() {
				yes++
			}
		}
	}
	return yes, all
}

// Missing lists the ops that the device has no kernel for, of whatever dtype.
func (m *Matrix) Missing() []string {
	names := []string{}
	for _, r := range m.Rows {
		if !slices.ContainsFunc(r.Cells, MatrixCell.Yes) {
			names = append(names, r.Op)
		}
	}
	return names
}

// Markdown is the matrices as one page.
func Markdown(ms []Matrix) string {
	var b strings.Builder
	b.WriteString(`# What runs where

One row an op, one column a dtype: ✓ where the device has a kernel, which a case of the parity suite holds to the oracle
(` + "`tandem check`" + `), else a letter for the reason at the end of the section, where T is the column's dtype.

Written by ` + "`go generate ./internal/parity`" + `.
`)
	for i := range ms {
		b.WriteString(ms[i].Markdown())
	}
	return b.String()
}

// Markdown is the matrix as a section of the page.
func (m *Matrix) Markdown() string {
	var b strings.Builder
	yes, all := m.Count()
	fmt.Fprintf(&b, "\n## %s\n\n%d of %d pairs of op and dtype.\n", m.Device, yes, all)
	width := 0
	for _, r := range m.Rows {
		width = max(width, len(r.Op))
	}
	notes, family := footnotes{}, ""
	for _, r := range m.Rows {
		if r.Family != family {
			family = r.Family
			writeHead(&b, family, width)
		}
		fmt.Fprintf(&b, "| %-*s |", width, r.Op)
		for i, c := range r.Cells {
			mark := "✓"
			if !c.Yes() {
				mark = notes.mark(general(c.Reason, r.Op, op.DTypes[i]))
			}
			fmt.Fprintf(&b, " %-*s |", columnWidth(i), mark)
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	for i, reason := range notes {
		fmt.Fprintf(&b, "- %s: %s\n", letter(i), reason)
	}
	if len(m.Views) > 0 {
		fmt.Fprintf(&b, "\nViews compute nothing and are there for every dtype: %s.\n", strings.Join(m.Views, ", "))
	}
	return b.String()
}

func writeHead(b *strings.Builder, family string, width int) {
	fmt.Fprintf(b, "\n### %s\n\n| %-*s |", family, width, "op")
	rule := "\n|" + strings.Repeat("-", width+2) + "|"
	for i, d := range op.DTypes {
		fmt.Fprintf(b, " %-*s |", columnWidth(i), d)
		rule += ":" + strings.Repeat("-", columnWidth(i)) + ":|"
	}
	b.WriteString(rule + "\n")
}

func columnWidth(i int) int { return max(2, len(op.DTypes[i].String())) }

// general is a reason with T in place of the column's dtype and without the row's op, so that cells share it.
func general(reason, name string, d op.DType) string {
	reason = strings.ReplaceAll(reason, "for "+name, "for the op")
	return regexp.MustCompile(`\b`+d.String()+`\b`).ReplaceAllLiteralString(reason, "T")
}

// footnotes are reasons in the order in which they are first met.
type footnotes []string

func (f *footnotes) mark(reason string) string {
	i := slices.Index(*f, reason)
	if i < 0 {
		i = len(*f)
		*f = append(*f, reason)
	}
	return letter(i)
}

// letter is a … z, aa, ab, …
func letter(i int) string {
	s := string(rune('a' + i%26))
	if i >= 26 {
		return letter(i/26-1) + s
	}
	return s
}
