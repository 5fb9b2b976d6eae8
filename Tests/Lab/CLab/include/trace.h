/*
 * Runs a program and stops it at its system calls: counts them, kills it at one of them, or has one of them fail.
 *
 * Only calls that change files, or tell of them, are looked at (trace.c lists them); a filter in the kernel lets all others
 * pass at full speed. Calls are numbered from 1, beginning behind the program's first write to its stdout, in the order
 * in which the threads of the program and of its children enter them; writes to stdout are not counted.
 *
 * Linux on x86-64 alone. Elsewhere everything answers BACKSTAY_TRACE_UNSUPPORTED.
 */
#ifndef BACKSTAY_CLAB_TRACE_H
#define BACKSTAY_CLAB_TRACE_H

#include <stdint.h>

enum backstay_trace_action {
    BACKSTAY_TRACE_COUNT,       /* nothing */
    BACKSTAY_TRACE_KILL_BEFORE, /* SIGKILL when the call is entered: it is not made */
    BACKSTAY_TRACE_KILL_AFTER,  /* SIGKILL when it has been made and not yet returned */
    BACKSTAY_TRACE_FAIL,        /* it is not made, and answers an error */
};

struct backstay_trace_plan {
    enum backstay_trace_action action;
    uint64_t index; /* of the call it is done to */
    int error;      /* errno, for FAIL */
    int sticky;     /* FAIL: also every later call of the same number */
    /* Where each call is written down as it returns, one line; NULL for nowhere. */
    const char *log;
};

struct backstay_trace_result {
    uint64_t calls;
    int status;      /* as waitpid has it, of the program itself */
    int struck;      /* whether the call was met */
    long number;     /* of the call that was struck */
    char target[96]; /* the file it was about, where one could be told */
};

enum {
    BACKSTAY_TRACE_OK = 0,
    BACKSTAY_TRACE_UNSUPPORTED = -1,
    BACKSTAY_TRACE_FAILED = -2, /* errno tells */
};

/*
 * Starts the tracer as a process of its own; `output` becomes the program's stdout, `errors` its stderr. Returns the
 * tracer's process id, or one of the above. The result is there when the tracer has been waited for; it lies in memory
 * that the caller gave, shared and anonymous (backstay_trace_result_new).
 */
int backstay_trace_start(
    const char *program, char *const arguments[], char *const environment[], int output, int errors,
    const struct backstay_trace_plan *plan, struct backstay_trace_result *result);

struct backstay_trace_result *backstay_trace_result_new(void); /* NULL where there is no memory */
void backstay_trace_result_free(struct backstay_trace_result *result);

/* The name of a system call that is looked at; NULL for others. */
const char *backstay_trace_name(long number);

#endif
