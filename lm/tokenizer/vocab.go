package tokenizer

import (
	"slices"
	"strings"
)

// role is what a token is for.
type role uint8

const (
	absent  role = iota // no token has this id
	piece               // a piece of text, which the model finds
	added               // taken out of the text as a whole before the model sees it
	special             // for the program alone: never from text
	unused              // padding of the table
)

// vocabulary is the table of tokens.
type vocabulary struct {
	text     string // of all tokens, one after the other
	ends     []int  // where the text of each one ends
	roles    []role
	pieces   map[string]int32 // what the model may find in text, by its bytes
	others   map[string]int32 // what it cannot: added tokens, and those that no byte spells
	specials map[string]int32
	longest  int // bytes of the longest piece
}

// entry is one token as a file gives it, its text in bytes.
type entry struct {
	text  string
	role  role
	other bool // goes among the others
}

// newVocabulary lays the tokens out. Of two with one text the later is found, as by the references.
func newVocabulary(entries []entry) *vocabulary {
	v := &vocabulary{
		ends: make([]int, len(entries)), roles: make([]role, len(entries)),
		pieces: make(map[string]int32, len(entries)), others: map[string]int32{}, specials: map[string]int32{},
	}
	var all strings.Builder
	for id, e := range entries {
		all.WriteString(e.text)
		v.ends[id], v.roles[id] = all.Len(), e.role
	}
	v.text = all.String()
	for id, e := range entries {
		text := v.token(int32(id))
		switch {
		case e.role == special:
			v.specials[text] = int32(id)
		case e.role == added || e.role == piece && e.other:
			v.others[text] = int32(id)
		case e.role == piece:
			v.pieces[text] = int32(id)
			v.longest = max(v.longest, len(text))
		}
	}
	return v
}

func (v *vocabulary) has(id int32) bool {
	return id >= 0 && int(id) < len(v.roles) && v.roles[id] != absent
}

func (v *vocabulary) token(id int32) string {
	from := 0
	if id > 0 {
		from = v.ends[id-1]
	}
	return v.text[from:v.ends[id]]
}

// specialIDs are the ids of the special tokens, ascending.
func (v *vocabulary) specialIDs() []int32 {
	ids := make([]int32, 0, len(v.specials))
	for _, id := range v.specials {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
