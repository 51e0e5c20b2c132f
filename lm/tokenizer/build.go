package tokenizer

import (
	"strings"
	"sync/atomic"
)

// table makes room for n tokens with ids from lowest to highest. Ids may have gaps, but the size of a file bounds the
// memory that it can ask for.
func table(n int, lowest, highest int32) ([]entry, error) {
	if lowest < 0 {
		return nil, formatErr("the id %d", lowest)
	}
	if int(highest) >= 4*n+1024 {
		return nil, formatErr("the id %d among %d tokens", highest, n)
	}
	return make([]entry, highest+1), nil
}

// byteLevel is an entry of a byte-level vocabulary, whose text is written in characters that stand for bytes.
func byteLevel(token string) entry {
	if text, ok := appendBytes(nil, token); ok {
		return entry{text: string(text), role: piece}
	}
	return entry{text: token, role: piece, other: true}
}

// merge is two pieces, written as the vocabulary has them, that become one.
type merge struct{ left, right string }

// newBPE is the model of a pattern, a vocabulary and its merges, the first of which ranks first.
func newBPE(p *pattern, v *vocabulary, merges []merge) (*bpe, error) {
	m := &bpe{cut: p, vocab: v, class: allClasses(), merges: newPairs(len(merges)), unk: none, whole: p.whole, alone: make([]atomic.Uint32, len(v.roles))}
	for b := range m.bytes {
		written := string(byteRunes[b])
		if _, ok := v.specials[written]; ok {
			return nil, formatErr("the special token %q is a byte of text", written)
		}
		id, ok := v.pieces[string([]byte{byte(b)})]
		if !ok {
			id = none
		}
		m.bytes[b] = id
	}
	for rank, pair := range merges {
		left, right, err := m.pair(pair, v)
		if err != nil {
			return nil, err
		}
		made, err := m.spelled(pair.left+pair.right, v)
		if err != nil {
			return nil, err
		}
		if v.roles[made] == special {
			return nil, formatErr("merges of text make the special token %q", pair.left+pair.right)
		}
		m.merges.set(left, right, rank, made)
	}
	return m, nil
}

func (m *bpe) pair(pair merge, v *vocabulary) (left, right int32, err error) {
	if left, err = m.spelled(pair.left, v); err != nil {
		return none, none, err
	}
	right, err = m.spelled(pair.right, v)
	return left, right, err
}

// spelled is the token that merges write as s.
func (m *bpe) spelled(s string, v *vocabulary) (int32, error) {
	var buf [64]byte
	if text, ok := appendBytes(buf[:0], s); ok {
		if id, ok := v.pieces[string(text)]; ok {
			return id, nil
		}
	} else if id, ok := v.others[s]; ok && v.roles[id] == piece {
		return id, nil
	}
	if id, ok := v.specials[s]; ok {
		return id, nil
	}
	return none, formatErr("a merge has %q, which is no token", s)
}

// parseMerge reads a merge that is written with a space between its two.
func parseMerge(line string) (merge, error) {
	left, right, ok := strings.Cut(line, " ")
	if !ok || left == "" || right == "" || strings.Contains(right, " ") {
		return merge{}, formatErr("a merge %q is not two tokens with a space between", line)
	}
	return merge{left, right}, nil
}
