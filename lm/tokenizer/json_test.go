package tokenizer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tiny is a tokenizer.json with everything in it that the tests change.
const tiny = `{
 "added_tokens": [{"id": 6, "content": "<s>", "special": true}, {"id": 7, "content": "<t>"}],
 "normalizer": null,
 "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
 "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}], "special_tokens": {"<s>": {"ids": [6]}}},
 "decoder": {"type": "ByteLevel"},
 "model": {"type": "BPE", "unk_token": "?", "vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4, "?": 5}, "merges": ["a b", "ab c"]}
}`

// tinyBERT is the same of WordPiece.
const tinyBERT = `{
 "added_tokens": [{"id": 0, "content": "[UNK]", "special": true}, {"id": 1, "content": "[CLS]", "special": true}],
 "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
 "pre_tokenizer": {"type": "BertPreTokenizer"},
 "post_processor": {"type": "BertProcessing", "sep": ["[CLS]", 1], "cls": ["[CLS]", 1]},
 "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
 "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 9, "vocab": {"[UNK]": 0, "[CLS]": 1, "a": 2, "##b": 3, "n't": 4, ".": 5}}
}`

func TestTiny(t *testing.T) {
	tok, err := FromJSON([]byte(tiny), nil)
	require.NoError(t, err)
	require.Equal(t, []int32{4, 5, 5, 3, 7, 5, 5, 5}, tok.Encode(nil, "abcxxab<t><s>"))
	require.Equal(t, []int32{6}, tok.Prefix())
	tok, err = FromJSON([]byte(strings.Replace(tiny, `"merges": ["a b", "ab c"]`, `"fuse_unk": true, "merges": [["a", "b"], ["b", "c"], ["ab", "c"]]`, 1)), nil)
	require.ErrorIs(t, err, ErrFormat, "bc is no token")
	require.Nil(t, tok)
	tok, err = FromJSON([]byte(strings.Replace(tiny, `"merges": ["a b", "ab c"]`, `"fuse_unk": true, "merges": [["a", "b"], ["ab", "c"]]`, 1)), nil)
	require.NoError(t, err)
	require.Equal(t, []int32{4, 5, 3, 7, 5}, tok.Encode(nil, "abcxxxab<t>zz"))
	tok, err = FromJSON([]byte(strings.Replace(tiny, `"unk_token": "?", `, ``, 1)), nil)
	require.NoError(t, err)
	require.Equal(t, []int32{4, 7}, tok.Encode(nil, "axxbyc<t>"), "bytes without a token are left out before merging")

	tok, err = FromJSON([]byte(tinyBERT), nil)
	require.NoError(t, err)
	require.Equal(t, []int32{2, 3, 3, 5, 0, 0, 2}, tok.Encode(nil, "Äbb. c abbbbbbbbb a"))
	require.Equal(t, "abb. an't", string(tok.Decode(nil, []int32{1, 2, 3, 3, 5, 2, 4})))
	require.Equal(t, []int32{1}, tok.Suffix())
}

// What the reference makes of an added token that takes the white space after it, where that has another in it.
func TestAddedTokens(t *testing.T) {
	text := strings.Replace(tiny, `{"id": 7, "content": "<t>"}`, `{"id": 7, "content": "<t>", "rstrip": true}, {"id": 8, "content": " "}, {"id": 9, "content": "<l>", "lstrip": true}`, 1)
	tok, err := FromJSON([]byte(text), nil)
	require.NoError(t, err)
	for text, want := range map[string][]int32{"<t>  a": {7, 8, 8, 0}, "<t> \t a": {7, 8, 5, 8, 0}, "<t>\t <l>": {7, 8, 9}, "<t>\t \t<l>": {7, 8, 9}, "a  <l>": {0, 8, 8, 9}, "a\t\n<l>b": {0, 9, 1}} {
		require.Equal(t, want, tok.Encode(nil, text), "%q", text)
	}
}

func TestConfig(t *testing.T) {
	plain := []byte(strings.Replace(tiny, `"post_processor"`, `"unread"`, 1))
	tok, err := FromJSON(plain, []byte(`{"bos_token": {"content": "<s>"}, "eos_token": "<t>", "pad_token": null, "unk_token": "?", "add_bos_token": true, "add_eos_token": true}`))
	require.NoError(t, err)
	require.Equal(t, []int32{6, 7, None, 5}, []int32{tok.BOS(), tok.EOS(), tok.PAD(), tok.UNK()})
	require.Equal(t, []int32{6}, tok.Prefix())
	require.Equal(t, []int32{7}, tok.Suffix())
	tok, err = FromJSON([]byte(tiny), []byte(`{"eos_token": "<t>", "add_eos_token": true}`))
	require.NoError(t, err)
	require.Equal(t, int32(7), tok.EOS())
	require.Empty(t, tok.Suffix(), "the template says what is added")
	for config, want := range map[string]string{`{`: "tokenizer_config.json", `{"bos_token": "<nil>"}`: `"<nil>"`, `{"bos_token": 7}`: "tokenizer_config.json"} {
		tok, err := FromJSON(plain, []byte(config))
		require.ErrorIs(t, err, ErrFormat)
		require.ErrorContains(t, err, want)
		require.Nil(t, tok)
	}
}

func TestHostileJSON(t *testing.T) {
	for name, c := range map[string]struct {
		of, from, to string
		kind         error
		want         string
	}{
		"cut":              {tiny, `"merges"`, "", ErrFormat, "tokenizer.json"},
		"list":             {tiny, tiny, "[]", ErrFormat, "tokenizer.json"},
		"nothing":          {tiny, tiny, "{}", ErrUnsupported, `""`},
		"model":            {tiny, `"BPE"`, `"Unigram"`, ErrUnsupported, `"Unigram"`},
		"dropout":          {tiny, `"unk_token"`, `"dropout": 0.5, "unk_token"`, ErrUnsupported, "0.5"},
		"suffix":           {tiny, `"unk_token"`, `"end_of_word_suffix": "</w>", "unk_token"`, ErrUnsupported, "suffix"},
		"fallback":         {tiny, `"unk_token"`, `"byte_fallback": true, "unk_token"`, ErrUnsupported, "fallback"},
		"unknown":          {tiny, `"?",`, `"??",`, ErrFormat, `"??"`},
		"no vocab":         {tiny, `"vocab"`, `"words"`, ErrFormat, "vocab"},
		"vocab of text":    {tiny, `"b": 1`, `"b": "1"`, ErrFormat, "vocab"},
		"negative id":      {tiny, `"b": 1`, `"b": -1`, ErrFormat, "id -1"},
		"far id":           {tiny, `"b": 1`, `"b": 2147483647`, ErrFormat, "id 2147483647 among"},
		"farther id":       {tiny, `"b": 1`, `"b": 1e99`, ErrFormat, "vocab"},
		"an id twice":      {tiny, `"b": 1`, `"b": 0`, ErrFormat, "id 0"},
		"far added":        {tiny, `"id": 7`, `"id": 99999999`, ErrFormat, "id 99999999 among"},
		"negative added":   {tiny, `"id": 7`, `"id": -7`, ErrFormat, "id -7"},
		"added in place":   {tiny, `"id": 7`, `"id": 0`, ErrFormat, `"<t>"`},
		"added twice":      {tiny, `"id": 7`, `"id": 6`, ErrFormat, "id 6"},
		"added elsewhere":  {tiny, `"content": "<t>"`, `"content": "abc"`, ErrFormat, `"abc"`},
		"empty added":      {tiny, `"content": "<t>"`, `"content": ""`, ErrFormat, "0 bytes"},
		"long added":       {tiny, `"content": "<t>"`, `"content": "` + strings.Repeat("x", 513) + `"`, ErrFormat, "513 bytes"},
		"special byte":     {tiny, `"id": 6, "content": "<s>"`, `"id": 0, "content": "a"`, ErrFormat, `"a"`},
		"special product":  {tiny, `"id": 6, "content": "<s>"`, `"id": 4, "content": "abc"`, ErrFormat, `"abc"`},
		"no merges":        {tiny, `"merges"`, `"joins"`, ErrFormat, "merges"},
		"merges of number": {tiny, `["a b", "ab c"]`, `[1]`, ErrFormat, "merges"},
		"merge of one":     {tiny, `"ab c"`, `"abc"`, ErrFormat, `"abc"`},
		"merge of three":   {tiny, `["a b", "ab c"]`, `[["a", "b", "c"]]`, ErrFormat, "3 tokens"},
		"merge of none":    {tiny, `"ab c"`, `"ab d"`, ErrFormat, `"d"`},
		"merge to none":    {tiny, `"ab c"`, `"c c"`, ErrFormat, `"cc"`},

		"no pre-tokenizer": {tiny, `"pre_tokenizer"`, `"x"`, ErrUnsupported, "no pre-tokenizer"},
		"pre-tokenizer":    {tiny, `{"type": "ByteLevel", "add_prefix_space"`, `{"type": "Metaspace", "x"`, ErrUnsupported, `"Metaspace"`},
		"no regex":         {tiny, `"use_regex": true`, `"use_regex": false`, ErrUnsupported, "ByteLevel"},
		"prefix space":     {tiny, `"add_prefix_space": false`, `"add_prefix_space": true`, ErrUnsupported, "space"},
		"empty sequence":   {tiny, `{"type": "ByteLevel", "add_prefix_space"`, `{"type": "Sequence", "x"`, ErrUnsupported, "pre-tokenizer"},
		"regex":            {tiny, `{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}`, sequence(`{"type": "Split", "pattern": {"Regex": "\\w+"}, "behavior": "Isolated"}`), ErrUnsupported, `\\w+`},
		"behavior":         {tiny, `{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}`, sequence(`{"type": "Split", "pattern": {"Regex": "\\w+"}, "behavior": "Removed"}`), ErrUnsupported, "Removed"},
		"string":           {tiny, `{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}`, sequence(`{"type": "Split", "pattern": {"String": " "}}`), ErrUnsupported, "regular expression"},
		"normalizer":       {tiny, `"normalizer": null`, `"normalizer": {"type": "NFKC"}`, ErrUnsupported, `"NFKC"`},
		"normalizers":      {tiny, `"normalizer": null`, `"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Strip"}]}`, ErrUnsupported, "2 parts"},
		"decoder":          {tiny, `"decoder": {"type": "ByteLevel"}`, `"decoder": {"type": "Fuse"}`, ErrUnsupported, `"Fuse"`},
		"no decoder":       {tiny, `"decoder"`, `"x"`, ErrUnsupported, "no decoder"},
		"post-processor":   {tiny, `"TemplateProcessing"`, `"Other"`, ErrUnsupported, `"Other"`},
		"template's id":    {tiny, `"ids": [6]`, `"ids": [60]`, ErrFormat, "id 60"},
		"template's token": {tiny, `{"<s>": {`, `{"<x>": {`, ErrFormat, `"<s>"`},
		"template's texts": {tiny, `{"Sequence": {"id": "A"}}`, `{"Sequence": {"id": "A"}}, {"Sequence": {"id": "A"}}`, ErrUnsupported, "2 texts"},

		"words":          {tinyBERT, `"BertPreTokenizer"`, `"Whitespace"`, ErrUnsupported, `"Whitespace"`},
		"BERT's decoder": {tinyBERT, `"decoder": {"type": "WordPiece"`, `"decoder": {"type": "ByteLevel"`, ErrUnsupported, `"ByteLevel"`},
		"lower case":     {tinyBERT, `"BertNormalizer"`, `"Lowercase"`, ErrUnsupported, `"Lowercase"`},
		"no unknown":     {tinyBERT, `"unk_token"`, `"x"`, ErrUnsupported, "unknown token"},
		"BERT's unknown": {tinyBERT, `"unk_token": "[UNK]"`, `"unk_token": "[X]"`, ErrFormat, `"[X]"`},
		"BERT's vocab":   {tinyBERT, `"a": 2`, `"a": 3`, ErrFormat, "id 3"},
		"BERT's pair":    {tinyBERT, `"cls": ["[CLS]", 1]`, `"cls": ["[CLS]", 1.5]`, ErrFormat, "id -1"},
		"BERT's single":  {tinyBERT, `"cls": ["[CLS]", 1]`, `"cls": [1]`, ErrFormat, "id -1"},
	} {
		require.Equal(t, 1, strings.Count(c.of, c.from), name)
		tok, err := FromJSON([]byte(strings.Replace(c.of, c.from, c.to, 1)), nil)
		require.ErrorIs(t, err, c.kind, name)
		require.ErrorContains(t, err, c.want, name)
		require.Nil(t, tok)
	}
}

// sequence is a pre-tokenizer of a first part and ByteLevel.
func sequence(first string) string {
	return `{"type": "Sequence", "pretokenizers": [` + first + `, {"type": "ByteLevel", "use_regex": false}]}`
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(dir)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tokenizer.json"), []byte(tiny), 0o600))
	tok, err := Open(dir)
	require.NoError(t, err)
	require.Equal(t, None, tok.EOS())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), []byte(`{"eos_token": "<t>"}`), 0o600))
	tok, err = Open(dir)
	require.NoError(t, err)
	require.Equal(t, int32(7), tok.EOS())
	path := filepath.Join(dir, "model.gguf")
	require.NoError(t, os.WriteFile(path, []byte("GGUF"), 0o600))
	_, err = Open(path)
	require.ErrorContains(t, err, path)
}
