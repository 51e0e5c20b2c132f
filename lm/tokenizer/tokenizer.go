package tokenizer

import (
	"errors"
	"fmt"
	"slices"
)

var (
	// ErrFormat is the kind of every error about a file that says what cannot be.
	ErrFormat = errors.New("malformed tokenizer")
	// ErrUnsupported is the kind of every error about a tokenizer that this package does not know. The text names what.
	ErrUnsupported = errors.New("unsupported tokenizer")
)

func formatErr(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, a...))
}

func unsupported(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, a...))
}

// None is the id where there is no such token.
const None = none

const none int32 = -1

// Tokenizer turns text into token ids and back. It may be used from several goroutines.
type Tokenizer struct {
	vocab     *vocabulary
	model     model
	normalize func(string) string // nil: the text stays as it is
	raw       matcher             // added tokens looked for before normalisation
	normal    matcher             // and after it
	pieces    *joiner             // how WordPiece's tokens are put together; nil: as bytes

	prefix, suffix     []int32
	bos, eos, pad, unk int32
}

// model is what finds the tokens of a stretch of normalised text.
type model interface {
	encode(dst []int32, text string) []int32
}

// Encode appends the ids of text to dst. It reads no special tokens in text: "<|endoftext|>" is encoded as the letters
// it is, as the reference does with encode_special_tokens. Added tokens that are not special are found in text, the
// leftmost and then the longest first, with the white space that they are declared to take. Nothing is put before or
// after: see Prefix and Suffix. What is no UTF-8 counts as U+FFFD. A byte for which the vocabulary has no token is left
// out, or gives the model's unknown token.
func (t *Tokenizer) Encode(dst []int32, text string) []int32 {
	return t.raw.split(dst, valid(text), t.encodeNormal)
}

func (t *Tokenizer) encodeNormal(dst []int32, text string) []int32 {
	return t.normal.split(dst, t.normalized(text), t.model.encode)
}

func (t *Tokenizer) normalized(text string) string {
	if t.normalize == nil {
		return text
	}
	return t.normalize(text)
}

// split appends the ids of the added tokens of text, and by rest of what is between them.
func (m *matcher) split(dst []int32, text string, rest func([]int32, string) []int32) []int32 {
	taken := 0
	if m.plain {
		for at := 0; ; {
			found, next, ok := m.find(text, at, taken)
			if !ok {
				break
			}
			if found.from > taken {
				dst = rest(dst, text[taken:found.from])
			}
			dst = append(dst, found.id)
			at, taken = next, found.to
		}
	}
	if taken == len(text) {
		return dst
	}
	return rest(dst, text[taken:])
}

// Size is the number of ids: the highest one and one more.
func (t *Tokenizer) Size() int { return len(t.vocab.roles) }

// Token is the text of a token: its bytes, which need be no whole characters, with a byte-level vocabulary, and the
// piece as the vocabulary has it, such as ##ing, with WordPiece. It is empty where there is no such id.
func (t *Tokenizer) Token(id int32) string {
	if !t.vocab.has(id) {
		return ""
	}
	return t.vocab.token(id)
}

// ID is the token with the text that Token gives. It finds no special tokens: see Special.
func (t *Tokenizer) ID(token string) (int32, bool) {
	if id, ok := t.vocab.pieces[token]; ok {
		return id, true
	}
	id, ok := t.vocab.others[token]
	return id, ok
}

// Special is the special token of a name, such as <|im_end|>. This is the one way to it: Encode gives none but the
// unknown token.
func (t *Tokenizer) Special(name string) (int32, bool) {
	id, ok := t.vocab.specials[name]
	return id, ok
}

// IsSpecial says whether a token is special, and thus left out of decoded text.
func (t *Tokenizer) IsSpecial(id int32) bool { return t.vocab.has(id) && t.vocab.roles[id] == special }

// Specials are the ids of all special tokens, ascending. The slice is the caller's.
func (t *Tokenizer) Specials() []int32 { return t.vocab.specialIDs() }

// BOS is the token that begins a text, of a BERT [CLS], or None.
func (t *Tokenizer) BOS() int32 { return t.bos }

// EOS is the token that ends a text, of a BERT [SEP], or None. A chat model may end its turns with another.
func (t *Tokenizer) EOS() int32 { return t.eos }

// PAD is the token that fills up a batch, or None.
func (t *Tokenizer) PAD() int32 { return t.pad }

// UNK is the token for what the vocabulary cannot spell, or None.
func (t *Tokenizer) UNK() int32 { return t.unk }

// AddBOS says whether the model wants BOS before a text.
func (t *Tokenizer) AddBOS() bool {
	return len(t.prefix) > 0 && t.prefix[0] == t.bos
}

// Prefix is what the model wants before a text. The slice is the caller's.
func (t *Tokenizer) Prefix() []int32 { return slices.Clone(t.prefix) }

// Suffix is what the model wants after a text. The slice is the caller's.
func (t *Tokenizer) Suffix() []int32 { return slices.Clone(t.suffix) }
