// Package weights reads and writes files of weights: safetensors, alone or in shards with an index, and GGUF.
//
// [Open] tells the format by the file's content and maps it into memory, so that a tensor costs nothing until it is read.
// A [File] is a list of tensors, in the file's order, with metadata; [Tensor.Load] copies one to a device, and
// [Tensor.Release] lets the pages go that it was read from. [WriteSafetensors] and [WriteGGUF] write atomically: a file
// of that name has either the old content or the new, also after a crash or on a full disk.
//
// Files come from strangers. Whatever one says of itself is checked against its size before it is believed, and what is
// wrong with it is an error of kind [ErrFormat] that names the place; nothing is allocated by a file's word alone.
package weights
