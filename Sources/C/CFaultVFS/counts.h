/* The counters of one file; counts.c. All functions but the first take NULL for "not counted". */
#ifndef BACKSTAY_COUNTS_H
#define BACKSTAY_COUNTS_H

#include "CFaultVFS.h"

struct counts;

/* The counters of the file at the path. They are made if there are none. Never NULL. */
struct counts *backstay_counts_find(const char *path);

/* A write of `bytes` bytes, of which `grown` went after the file's end. */
void backstay_counts_wrote(struct counts *counts, uint64_t bytes, uint64_t grown);
void backstay_counts_synced(struct counts *counts);
void backstay_counts_truncated(struct counts *counts);
void backstay_counts_sized(struct counts *counts);

#endif
