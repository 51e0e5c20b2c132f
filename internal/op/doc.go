// Package op is the vocabulary of Tandem: every operation as data.
//
// An op is a small struct of parameters. Its operands travel beside it in a [Node], and a [Backend] maps the op's
// [Kind] to a kernel. Because ops are data, one list of nodes serves everything: run now, kept for gradients,
// planned in memory, captured as a graph, timed, named, enumerated by tests, or executed on paper by a device that
// has no memory at all.
//
// The package imports nothing of Tandem. What it knows of an op is what needs no device: its name, the names of its
// operands, which types it accepts and returns ([Op.Infer]), and what it costs ([Op.Cost]).
package op
