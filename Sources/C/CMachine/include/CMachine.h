// What Swift cannot say to the processor and to the kernel: checksums, file systems and mappings, prefetches.
//
// Not called CSystem: swift-system has a target of that name, and a package graph may hold each name once.
#ifndef BACKSTAY_CMACHINE_H
#define BACKSTAY_CMACHINE_H

#include "checksum.h"
#include "filesystem.h"
#include "prefetch.h"

#endif
