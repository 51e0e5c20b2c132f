// Package tokenizer turns text into token ids and back: byte-level byte-pair encoding with the pre-tokenizers of GPT-2,
// Llama 3, Qwen2 and SmolLM, and BERT's WordPiece.
//
// [Open] reads a tokenizer.json or a GGUF file; [FromJSON] and [FromGGUF] read what is at hand. What this package does
// not know (another pre-tokenizer, normaliser or model) is an error that names it, never a guess. Files come from
// strangers: a malformed one is an error, and memory is bounded by the file's size.
//
// [Tokenizer.Encode] takes all text for text. Special tokens such as <|im_end|> are not read in it; a program that wants
// one, to build a prompt or to stop at it, asks [Tokenizer.Special]. Added tokens that are not special are taken out of
// the text first, as Hugging Face's tokenizers do it, with their options lstrip, rstrip, single_word and normalized.
// Neither is anything put around the text: [Tokenizer.Prefix] and [Tokenizer.Suffix] say what the model wants there.
//
// Ids are those of Hugging Face's tokenizers. Which characters are letters, numbers, spaces, punctuation or accents is
// taken from that library for each character, so that Go's version of Unicode does not matter there. It does in three
// places: canonical (de)composition and the order of combining marks are of the version of golang.org/x/text, lower case
// (for BERT) and the word characters beside a single_word token are of the version of package unicode. All of these
// differ from the reference at most for characters that were new in Unicode 13 or later, such as U+11938.
//
// One fault of the reference is not kept: the text of an added token is what it says, where the library, decoding, takes
// one of accented letters alone, such as é, for bytes.
//
// The time to encode is n log n in the length of the longest word, and linear in that of the text, whatever the text.
package tokenizer
