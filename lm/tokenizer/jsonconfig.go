package tokenizer

import (
	"bytes"
	"encoding/json"
)

// jsonTemplate reads from the post-processor what stands before and after a text.
func (t *Tokenizer) jsonTemplate(p *partJSON) error {
	if p == nil {
		return nil
	}
	switch p.Type {
	case "ByteLevel":
		return nil
	case "Sequence":
		for i := range p.Processors {
			if err := t.jsonTemplate(&p.Processors[i]); err != nil {
				return err
			}
		}
		return nil
	case "TemplateProcessing":
		return t.jsonSingle(p)
	case "BertProcessing", "RobertaProcessing":
		return t.around(pairID(p.Cls), pairID(p.Sep))
	}
	return unsupported("a post-processor of type %q", p.Type)
}

// pairID is the id of a ["[CLS]", 101].
func pairID(pair []any) []int32 {
	if len(pair) == 2 {
		if id, ok := pair[1].(float64); ok && id == float64(int32(id)) {
			return []int32{int32(id)}
		}
	}
	return []int32{none}
}

// jsonSingle reads the template of one text: special tokens, the text, special tokens.
func (t *Tokenizer) jsonSingle(p *partJSON) error {
	var before, after []int32
	side, texts := &before, 0
	for _, part := range p.Single {
		switch {
		case part.SpecialToken != nil:
			token, ok := p.SpecialTokens[part.SpecialToken.ID]
			if !ok {
				return formatErr("the template's %q is no token", part.SpecialToken.ID)
			}
			*side = append(*side, token.IDs...)
		case part.Sequence != nil:
			side = &after
			texts++
		}
	}
	if texts != 1 {
		return unsupported("a template with %d texts", texts)
	}
	return t.around(before, after)
}

// around sets what stands before and after a text, which also tells BOS and EOS as long as nothing names them.
func (t *Tokenizer) around(before, after []int32) error {
	for _, ids := range [][]int32{before, after} {
		for _, id := range ids {
			if !t.vocab.has(id) {
				return formatErr("the template's id %d is no token", id)
			}
		}
	}
	t.prefix, t.suffix = before, after
	if len(before) > 0 {
		t.bos = before[0]
	}
	if len(after) > 0 {
		t.eos = after[len(after)-1]
	}
	return nil
}

// jsonConfig reads the names of tokens. A template of tokenizer.json stands before what the flags here say.
func (t *Tokenizer) jsonConfig(text []byte) error {
	if text == nil {
		return nil
	}
	var c configJSON
	if err := json.Unmarshal(text, &c); err != nil {
		return formatErr("tokenizer_config.json: %v", err)
	}
	for _, n := range []struct {
		text json.RawMessage
		id   *int32
	}{{c.CLS, &t.bos}, {c.BOS, &t.bos}, {c.SEP, &t.eos}, {c.EOS, &t.eos}, {c.PAD, &t.pad}, {c.UNK, &t.unk}} {
		name, err := tokenName(n.text)
		if err != nil {
			return err
		}
		if name == "" {
			continue
		}
		if *n.id = t.find(name); *n.id == none {
			return formatErr("tokenizer_config.json: %q is no token", name)
		}
	}
	if len(t.prefix)+len(t.suffix) > 0 {
		return nil
	}
	if c.AddBOS && t.bos != none {
		t.prefix = []int32{t.bos}
	}
	if c.AddEOS && t.eos != none {
		t.suffix = []int32{t.eos}
	}
	return nil
}

// tokenName is a token's text, given as a string or in an object; empty where there is none.
func tokenName(text json.RawMessage) (string, error) {
	if len(text) == 0 || bytes.Equal(text, []byte("null")) {
		return "", nil
	}
	var name string
	if json.Unmarshal(text, &name) == nil {
		return name, nil
	}
	var object struct {
		Content string `json:"content"`
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return "", formatErr("tokenizer_config.json: %v", err)
	}
	return object.Content, nil
}
