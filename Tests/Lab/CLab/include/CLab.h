// What the lab does in C: it logs the writes of a block device, and stops a program at its system calls.
#ifndef BACKSTAY_CLAB_H
#define BACKSTAY_CLAB_H

#include "blocklog.h"
#include "trace.h"

#endif
