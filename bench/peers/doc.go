// Package peers holds the libraries that Tandem is measured against, each as a [bench.Impl]. gonum is linked in;
// OpenBLAS, BLIS and oneDNN are shared libraries looked for at run time; PyTorch is a Python process that stays up.
//
// A peer gets its best: as many threads as everybody, operands and outputs allocated and touched beforehand, the
// faster of its own ways where it has several (a vector routine beside a matrix one, an output passed beside one
// returned), and no environment variable that would slow it down.
//
// Where a peer is not in its usual place, a variable says where it is: TANDEM_PEER_OPENBLAS, TANDEM_PEER_BLIS and
// TANDEM_PEER_ONEDNN name the shared library, TANDEM_PEER_PYTHON the interpreter that has torch.
package peers
