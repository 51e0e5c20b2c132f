package tokenizer

import (
	"strings"
	"unicode/utf8"

	"github.com/tandem-compute/tandem/weights"
)

// Types of tokens in GGUF.
const (
	ggufNormal = iota + 1
	ggufUnknown
	ggufControl
	ggufUserDefined
	ggufUnused
	ggufByte
)

var ggufRoles = map[int]role{
	ggufNormal: piece, ggufUnknown: special, ggufControl: special, ggufUserDefined: added, ggufUnused: unused, ggufByte: piece,
}

// wordStart is what stands before the tokens that begin a word in the GGUF of a WordPiece vocabulary, in which others
// have no ##.
const wordStart = "\u2581"

// FromGGUF reads the tokenizer of a GGUF file: the keys under tokenizer.ggml. Texts are encoded as Hugging Face's
// tokenizers do it for the model, not as llama.cpp where the two differ: Qwen's text is normalised. An error is of kind
// [ErrFormat] or [ErrUnsupported].
func FromGGUF(m *weights.Metadata) (*Tokenizer, error) {
	t := &Tokenizer{bos: none, eos: none, pad: none, unk: none}
	kind, err := weights.Get[string](m, "tokenizer.ggml.model")
	if err != nil {
		return nil, formatErr("%v", err)
	}
	switch kind {
	case "gpt2":
		err = t.ggufBPE(m)
	case "bert":
		err = t.ggufWordPiece(m)
	default:
		err = unsupported("tokenizer.ggml.model %q, not gpt2 or bert", kind)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (t *Tokenizer) ggufBPE(m *weights.Metadata) error {
	name, err := weights.Get[string](m, "tokenizer.ggml.pre")
	if err != nil {
		return unsupported("no tokenizer.ggml.pre: the file does not say how its text is split")
	}
	p := patternsByName[name]
	if p == nil {
		return unsupported("tokenizer.ggml.pre %q", name)
	}
	if err := t.ggufVocabulary(m, byteLevel); err != nil {
		return err
	}
	lines, err := weights.Get[[]string](m, "tokenizer.ggml.merges")
	if err != nil {
		return formatErr("%v", err)
	}
	merges := make([]merge, len(lines))
	for i, line := range lines {
		if merges[i], err = parseMerge(line); err != nil {
			return err
		}
	}
	if p.nfc {
		t.normalize = nfc
	}
	if t.model, err = newBPE(p, t.vocab, merges); err != nil {
		return err
	}
	return t.ggufSpecials(m, p.bos, false)
}

// ggufVocabulary reads the table of tokens, of which text makes entries.
func (t *Tokenizer) ggufVocabulary(m *weights.Metadata, text func(string) entry) error {
	tokens, err := weights.Get[[]string](m, "tokenizer.ggml.tokens")
	if err != nil {
		return formatErr("%v", err)
	}
	types := make([]int, 0)
	if m.Value("tokenizer.ggml.token_type") != nil {
		if types, err = weights.Get[[]int](m, "tokenizer.ggml.token_type"); err != nil {
			return formatErr("%v", err)
		}
		if len(types) != len(tokens) {
			return formatErr("%d types of %d tokens", len(types), len(tokens))
		}
	}
	entries := make([]entry, len(tokens))
	for id, token := range tokens {
		role := piece
		if len(types) > 0 {
			var ok bool
			if role, ok = ggufRoles[types[id]]; !ok {
				return formatErr("token %d is of type %d", id, types[id])
			}
		}
		if entries[id] = (entry{text: token, role: role}); role == piece {
			entries[id] = text(token)
		}
		if role != added {
			continue
		}
		if token == "" || len(token) > longestAdded {
			return formatErr("an added token of %d bytes, not 1 to %d", len(token), longestAdded)
		}
		t.raw.add(token, addedToken{id: int32(id)})
	}
	t.vocab = newVocabulary(entries)
	return nil
}

func (t *Tokenizer) ggufWordPiece(m *weights.Metadata) error {
	err := t.ggufVocabulary(m, func(token string) entry {
		text, begins := strings.CutPrefix(token, wordStart)
		if !begins {
			text = "##" + token
		}
		return entry{text: text, role: piece}
	})
	if err != nil {
		return err
	}
	for id := range t.vocab.roles {
		if !utf8.ValidString(t.vocab.token(int32(id))) {
			return formatErr("token %d is no UTF-8", id)
		}
	}
	b := &bertNormalizer{clean: true, apart: true, strip: true, lower: true, class: allClasses()}
	t.normalize = b.normalize
	t.pieces = &joiner{prefix: "##", cleanup: true}
	if err := t.ggufSpecials(m, true, true); err != nil {
		return err
	}
	if t.unk == none {
		if t.unk = t.find("[UNK]"); t.unk == none {
			return formatErr("WordPiece without an unknown token")
		}
	}
	t.model = newWordPiece(t.vocab, "##", t.unk, bertWord)
	return nil
}

// ggufSpecials reads which tokens begin, end and fill texts, and whether the model wants them, which is as given where
// the file says nothing.
func (t *Tokenizer) ggufSpecials(m *weights.Metadata, addBOS, addEOS bool) error {
	for _, k := range []struct {
		key string
		id  *int32
	}{
		{"cls_token_id", &t.bos}, {"bos_token_id", &t.bos}, {"seperator_token_id", &t.eos}, {"eos_token_id", &t.eos},
		{"padding_token_id", &t.pad}, {"unknown_token_id", &t.unk},
	} {
		key := "tokenizer.ggml." + k.key
		if m.Value(key) == nil {
			continue
		}
		id, err := weights.Get[int](m, key)
		if err != nil {
			return formatErr("%v", err)
		}
		if id < 0 || id >= t.Size() {
			return formatErr("%s is %d among %d tokens", key, id, t.Size())
		}
		*k.id = int32(id)
	}
	for _, k := range []struct {
		key  string
		add  bool
		id   int32
		side *[]int32
	}{{"add_bos_token", addBOS, t.bos, &t.prefix}, {"add_eos_token", addEOS, t.eos, &t.suffix}} {
		key, add := "tokenizer.ggml."+k.key, k.add
		if m.Value(key) != nil {
			var err error
			if add, err = weights.Get[bool](m, key); err != nil {
				return formatErr("%v", err)
			}
		}
		if add && k.id != none {
			*k.side = []int32{k.id}
		}
	}
	return nil
}
