package tokenizer

// Decode appends the text of ids to dst, without special tokens and without ids that there are none of. Bytes that make
// no UTF-8 become U+FFFD, so that the text is valid; ids from Encode give back the text that was valid, but for what
// normalisation changed and what the vocabulary cannot spell.
func (t *Tokenizer) Decode(dst []byte, ids []int32) []byte {
	d := t.NewDecoder()
	for _, id := range ids {
		dst = d.Append(dst, id)
	}
	return d.Flush(dst)
}

// Decoder turns ids into text one by one. What it gives is valid UTF-8 at every step: bytes that may yet become a
// character are held back. All that it gave, one after the other, is what Decode gives. It belongs to one goroutine.
type Decoder struct {
	// Special has the text of special tokens too.
	Special bool

	tokens *Tokenizer
	held   []byte // the start of a character
	begun  bool
}

// NewDecoder is a Decoder at the start of a text.
func (t *Tokenizer) NewDecoder() *Decoder { return &Decoder{tokens: t} }

// Append appends what is certain of the text once id has come: nothing, where a character is still incomplete.
func (d *Decoder) Append(dst []byte, id int32) []byte {
	v := d.tokens.vocab
	if !v.has(id) || v.roles[id] == special && !d.Special {
		return dst
	}
	text := v.token(id)
	if d.tokens.pieces != nil {
		first := !d.begun
		d.begun = true
		return d.tokens.pieces.append(dst, text, first)
	}
	if len(d.held) == 0 {
		dst, rest := appendValid(dst, text)
		d.held = append(d.held, rest...)
		return dst
	}
	d.held = append(d.held, text...)
	dst, rest := appendValid(dst, d.held)
	d.held = d.held[:copy(d.held, rest)]
	return dst
}

// Flush appends U+FFFD for bytes that are held back, and begins a new text.
func (d *Decoder) Flush(dst []byte) []byte {
	if len(d.held) > 0 {
		dst = append(dst, replacement...)
	}
	d.held, d.begun = d.held[:0], false
	return dst
}
