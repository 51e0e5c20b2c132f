package tokenizer

import (
	"encoding/json"
	"strings"
)

// tokenizerJSON is the part of tokenizer.json that says how text is encoded. Truncation is left to the caller.
type tokenizerJSON struct {
	AddedTokens   []addedJSON `json:"added_tokens"`
	Normalizer    *partJSON   `json:"normalizer"`
	PreTokenizer  *partJSON   `json:"pre_tokenizer"`
	PostProcessor *partJSON   `json:"post_processor"`
	Decoder       *partJSON   `json:"decoder"`
	Model         modelJSON   `json:"model"`
	Padding       *struct {
		Token string `json:"pad_token"`
	} `json:"padding"`
}

type addedJSON struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

type modelJSON struct {
	Type             string           `json:"type"`
	Vocab            json.RawMessage  `json:"vocab"`
	Merges           json.RawMessage  `json:"merges"`
	Dropout          *float64         `json:"dropout"`
	UnkToken         *string          `json:"unk_token"`
	ContinuingPrefix *string          `json:"continuing_subword_prefix"`
	EndSuffix        *string          `json:"end_of_word_suffix"`
	FuseUnk          bool             `json:"fuse_unk"`
	ByteFallback     bool             `json:"byte_fallback"`
	IgnoreMerges     bool             `json:"ignore_merges"`
	MaxCharsPerWord  *int             `json:"max_input_chars_per_word"`
	vocab            map[string]int32 // Vocab, read once the type is known
}

// partJSON is a normalizer, pre-tokenizer, post-processor or decoder of any type, with the fields of all.
type partJSON struct {
	Type          string     `json:"type"`
	Normalizers   []partJSON `json:"normalizers"`
	PreTokenizers []partJSON `json:"pretokenizers"`
	Processors    []partJSON `json:"processors"`
	Decoders      []partJSON `json:"decoders"`

	AddPrefixSpace   bool     `json:"add_prefix_space"`
	UseRegex         *bool    `json:"use_regex"`
	IndividualDigits bool     `json:"individual_digits"`
	Behavior         string   `json:"behavior"`
	Invert           bool     `json:"invert"`
	Pattern          splitter `json:"pattern"`

	CleanText    bool  `json:"clean_text"`
	ChineseChars bool  `json:"handle_chinese_chars"`
	StripAccents *bool `json:"strip_accents"`
	Lowercase    bool  `json:"lowercase"`

	Prefix  string `json:"prefix"`
	Cleanup bool   `json:"cleanup"`

	Single        []templateJSON `json:"single"`
	SpecialTokens map[string]struct {
		IDs []int32 `json:"ids"`
	} `json:"special_tokens"`
	Cls []any `json:"cls"`
	Sep []any `json:"sep"`
}

type splitter struct {
	Regex  *string `json:"Regex"`
	String *string `json:"String"`
}

type templateJSON struct {
	SpecialToken *struct {
		ID string `json:"id"`
	} `json:"SpecialToken"`
	Sequence *struct{} `json:"Sequence"`
}

// configJSON is the part of tokenizer_config.json that names tokens: each by its text, or an object with that.
type configJSON struct {
	BOS    json.RawMessage `json:"bos_token"`
	EOS    json.RawMessage `json:"eos_token"`
	PAD    json.RawMessage `json:"pad_token"`
	UNK    json.RawMessage `json:"unk_token"`
	CLS    json.RawMessage `json:"cls_token"`
	SEP    json.RawMessage `json:"sep_token"`
	AddBOS bool            `json:"add_bos_token"`
	AddEOS bool            `json:"add_eos_token"`
}

// FromJSON reads a tokenizer.json as Hugging Face's tokenizers write it, and the tokenizer_config.json beside it, which
// names the tokens for BOS, EOS and PAD and may be nil. An error is of kind [ErrFormat] or [ErrUnsupported].
func FromJSON(tokenizer, config []byte) (*Tokenizer, error) {
	var f tokenizerJSON
	if err := json.Unmarshal(tokenizer, &f); err != nil {
		return nil, formatErr("tokenizer.json: %v", err)
	}
	t := &Tokenizer{bos: none, eos: none, pad: none, unk: none}
	var err error
	switch f.Model.Type {
	case "BPE":
		err = t.jsonBPE(&f)
	case "WordPiece":
		err = t.jsonWordPiece(&f)
	default:
		err = unsupported("a model of type %q, not BPE or WordPiece", f.Model.Type)
	}
	if err != nil {
		return nil, err
	}
	if err := t.jsonTemplate(f.PostProcessor); err != nil {
		return nil, err
	}
	if f.Padding != nil {
		t.pad = t.find(f.Padding.Token)
	}
	if err := t.jsonConfig(config); err != nil {
		return nil, err
	}
	return t, nil
}

// find is the token, special or not, that is written so, or none.
func (t *Tokenizer) find(name string) int32 {
	if id, ok := t.Special(name); ok {
		return id
	}
	if id, ok := t.ID(name); ok {
		return id
	}
	return none
}

// jsonVocabulary reads the vocabulary, in which text makes an entry of a token, and the added tokens.
func (t *Tokenizer) jsonVocabulary(f *tokenizerJSON, text func(string) entry) error {
	if err := json.Unmarshal(f.Model.Vocab, &f.Model.vocab); err != nil {
		return formatErr("tokenizer.json: vocab: %v", err)
	}
	vocab := f.Model.vocab
	lowest, highest := int32(0), int32(-1)
	for _, id := range vocab {
		lowest, highest = min(lowest, id), max(highest, id)
	}
	for _, a := range f.AddedTokens {
		lowest, highest = min(lowest, a.ID), max(highest, a.ID)
	}
	entries, err := table(len(vocab)+len(f.AddedTokens), lowest, highest)
	if err != nil {
		return err
	}
	for token, id := range vocab {
		if entries[id].role != absent {
			return formatErr("two tokens have the id %d", id)
		}
		entries[id] = text(token)
	}
	for _, a := range f.AddedTokens {
		if err := t.addJSON(entries, vocab, a); err != nil {
			return err
		}
	}
	t.vocab = newVocabulary(entries)
	return nil
}

// addJSON enters an added token. The text of one that is normalised is the normalised one, as in the reference.
func (t *Tokenizer) addJSON(entries []entry, vocab map[string]int32, a addedJSON) error {
	if a.Content == "" || len(a.Content) > longestAdded {
		return formatErr("an added token of %d bytes, not 1 to %d", len(a.Content), longestAdded)
	}
	id, known := vocab[a.Content]
	if known && id != a.ID || !known && entries[a.ID].role == piece {
		return formatErr("the added token %q has an id of its own in the vocabulary", a.Content)
	}
	e := &entries[a.ID]
	if e.role > piece {
		return formatErr("two added tokens have the id %d", a.ID)
	}
	switch {
	case a.Special:
		*e = entry{text: a.Content, role: special}
	case !known && a.Normalized:
		*e = entry{text: t.normalized(a.Content), role: added}
	case !known:
		*e = entry{text: a.Content, role: added}
	}
	return nil
}

// jsonMatchers enters the added tokens as they are looked for, once the normaliser is known.
func (t *Tokenizer) jsonMatchers(list []addedJSON) {
	for _, a := range list {
		m, text := &t.raw, a.Content
		if a.Normalized {
			m, text = &t.normal, t.normalized(text)
		}
		if text != "" {
			m.add(text, addedToken{id: a.ID, special: a.Special, singleWord: a.SingleWord, left: a.LStrip, right: a.RStrip})
		}
	}
}

func (t *Tokenizer) jsonBPE(f *tokenizerJSON) error {
	m := &f.Model
	switch {
	case m.Dropout != nil && *m.Dropout != 0:
		return unsupported("BPE with a dropout of %g", *m.Dropout)
	case given(m.ContinuingPrefix) || given(m.EndSuffix):
		return unsupported("BPE with a prefix or suffix of words")
	case m.ByteFallback:
		return unsupported("BPE with byte fallback")
	}
	p, err := jsonPattern(f.PreTokenizer)
	if err != nil {
		return err
	}
	if err := only(f.Decoder, "decoder", "ByteLevel"); err != nil {
		return err
	}
	if f.Normalizer != nil {
		if err := only(f.Normalizer, "normalizer", "NFC"); err != nil {
			return err
		}
		t.normalize = nfc
	}
	if err := t.jsonVocabulary(f, byteLevel); err != nil {
		return err
	}
	merges, err := jsonMerges(m.Merges)
	if err != nil {
		return err
	}
	b, err := newBPE(p, t.vocab, merges)
	if err != nil {
		return err
	}
	b.whole, b.fuse = m.IgnoreMerges, m.FuseUnk
	if given(m.UnkToken) {
		id, ok := m.vocab[*m.UnkToken]
		if !ok {
			return formatErr("the unknown token %q is not in the vocabulary", *m.UnkToken)
		}
		b.unk, t.unk = id, id
	}
	t.model = b
	t.jsonMatchers(f.AddedTokens)
	return nil
}

func given(s *string) bool { return s != nil && *s != "" }

// only says what is wrong with a part that is not of the one type there is, alone or in sequences of one.
func only(p *partJSON, what, want string) error {
	for p != nil && p.Type == "Sequence" {
		parts := append(append([]partJSON{}, p.Normalizers...), p.Decoders...)
		if len(parts) != 1 {
			return unsupported("a %s of %d parts, not %s alone", what, len(parts), want)
		}
		p = &parts[0]
	}
	if p == nil {
		return unsupported("no %s, not %s", what, want)
	}
	if p.Type != want {
		return unsupported("a %s of type %q, not %s", what, p.Type, want)
	}
	return nil
}

// jsonPattern knows the pre-tokenizer: ByteLevel alone, after all digits apart, or after a split by a known expression.
func jsonPattern(p *partJSON) (*pattern, error) {
	if p == nil {
		return nil, unsupported("no pre-tokenizer")
	}
	parts := []partJSON{*p}
	if p.Type == "Sequence" {
		parts = p.PreTokenizers
	}
	var names []string
	for _, q := range parts {
		names = append(names, q.Type)
	}
	shape := strings.Join(names, ", ")
	bytes := partJSON{}
	if len(parts) > 0 {
		bytes = parts[len(parts)-1]
	}
	regex := bytes.UseRegex == nil || *bytes.UseRegex
	if bytes.AddPrefixSpace {
		return nil, unsupported("the pre-tokenizer %s with a space put before the text", shape)
	}
	switch {
	case shape == "ByteLevel" && regex:
		return gpt2, nil
	case shape == "Digits, ByteLevel" && regex && parts[0].IndividualDigits:
		return smollm, nil
	case shape == "Split, ByteLevel" && !regex:
		return splitPattern(&parts[0])
	}
	return nil, unsupported("the pre-tokenizer %q with these options", shape)
}

func splitPattern(p *partJSON) (*pattern, error) {
	if p.Pattern.Regex == nil {
		return nil, unsupported("a pre-tokenizer that splits by no regular expression")
	}
	known := patternsByRegex[*p.Pattern.Regex]
	if known == nil || p.Behavior != "Isolated" || p.Invert {
		return nil, unsupported("a pre-tokenizer that splits by %q (behavior %q, invert %t)", *p.Pattern.Regex, p.Behavior, p.Invert)
	}
	return known, nil
}

// jsonMerges reads merges as lines of two tokens, or as pairs.
func jsonMerges(text json.RawMessage) ([]merge, error) {
	var lines []string
	if json.Unmarshal(text, &lines) == nil {
		merges := make([]merge, 0, len(lines))
		for _, line := range lines {
			if strings.HasPrefix(line, "#version") {
				continue
			}
			m, err := parseMerge(line)
			if err != nil {
				return nil, err
			}
			merges = append(merges, m)
		}
		return merges, nil
	}
	var lists [][]string
	if err := json.Unmarshal(text, &lists); err != nil {
		return nil, formatErr("tokenizer.json: merges: %v", err)
	}
	merges := make([]merge, 0, len(lists))
	for _, l := range lists {
		if len(l) != 2 {
			return nil, formatErr("tokenizer.json: a merge of %d tokens", len(l))
		}
		merges = append(merges, merge{l[0], l[1]})
	}
	return merges, nil
}

func (t *Tokenizer) jsonWordPiece(f *tokenizerJSON) error {
	if err := only(f.PreTokenizer, "pre-tokenizer", "BertPreTokenizer"); err != nil {
		return err
	}
	if err := only(f.Decoder, "decoder", "WordPiece"); err != nil {
		return err
	}
	if f.Normalizer != nil {
		if err := only(f.Normalizer, "normalizer", "BertNormalizer"); err != nil {
			return err
		}
		n := f.Normalizer
		strip := n.Lowercase
		if n.StripAccents != nil {
			strip = *n.StripAccents
		}
		b := &bertNormalizer{clean: n.CleanText, apart: n.ChineseChars, strip: strip, lower: n.Lowercase, class: allClasses()}
		t.normalize = b.normalize
	}
	if err := t.jsonVocabulary(f, func(token string) entry { return entry{text: token, role: piece} }); err != nil {
		return err
	}
	m := &f.Model
	if !given(m.UnkToken) {
		return unsupported("WordPiece without an unknown token")
	}
	unk, ok := m.vocab[*m.UnkToken]
	if !ok {
		return formatErr("the unknown token %q is not in the vocabulary", *m.UnkToken)
	}
	prefix, chars := "##", bertWord
	if m.ContinuingPrefix != nil {
		prefix = *m.ContinuingPrefix
	}
	if m.MaxCharsPerWord != nil {
		chars = *m.MaxCharsPerWord
	}
	t.unk = unk
	t.model = newWordPiece(t.vocab, prefix, unk, chars)
	t.pieces = &joiner{prefix: f.Decoder.Prefix, cleanup: f.Decoder.Cleanup}
	t.jsonMatchers(f.AddedTokens)
	return nil
}
