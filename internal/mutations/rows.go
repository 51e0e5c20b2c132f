package mutations

// row is a mutation of a file whose part of the suite is known.
type row struct {
	in, old, new string
	kind         Kind
	op           string
	nth          int
}

func in(file, test string, rows ...row) []Mutation {
	ms := make([]Mutation, len(rows))
	for i, r := range rows {
		ms[i] = Mutation{File: file, In: r.in, Old: r.old, Nth: r.nth, New: r.new, Kind: r.kind, Test: test, Op: r.op}
	}
	return ms
}
