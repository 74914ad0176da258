/*
 * Options of the sanitizers' runtime. They are compiled into the program, because the tests set its whole environment.
 */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the runtime chooses the name */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
{
    /*
     * No leak detection: PID 1 allocates nothing, and the detection needs a thread that traces the others. No handlers:
     * the program must get the given dispositions, and every exit code shows an end by SIGSEGV.
     */
    return "detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0";
}
