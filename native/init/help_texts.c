#include "help_texts.h"

#include "bailey_options.h"

/* The releases that the dialects were compared with. */
#define TINI "0.19.0"
#define DUMB_INIT "1.2.5"
#define CATATONIT "0.1.7"

const char bailey_help[] =
    "Usage: bailey-init [options] [--] PROGRAM [ARGUMENT...]\n"
    "\n"
    "Runs PROGRAM as the first process of a container: forwards signals to it, leaves no zombie, and\n"
    "exits with its exit status. As any other process it becomes a subreaper. Under the name tini,\n"
    "docker-init, dumb-init or catatonit it takes the options of that program.\n"
    "\n"
    BAILEY_OPTION_HELP
    "\n"
    "Options end at the first argument that is not one. The variable at the right sets the same; for an\n"
    "option without a value it is 1 or 0. TIME is 10, 10s, 500ms, 2m or 1h. SIG is a name or a number.\n"
    "\n"
    "Exit status: that of PROGRAM; 128+n when signal n ended it; 127 PROGRAM not found; 126 found, but\n"
    "not executable; 64 wrong command line; 70 exit status of PROGRAM lost; 71 no process created.\n";

const char bailey_version[] = "bailey-init " BAILEY_VERSION "\n";

const char tini_help[] =
    "tini (the dialect of tini " TINI " that bailey-init " BAILEY_VERSION " speaks)\n"
    "Usage: tini [OPTIONS] PROGRAM -- [ARGS] | --version\n"
    "\n"
    "  --version  print the version\n"
    "  -h         print this\n"
    "  -l         print the licence\n"
    "  -s         become a subreaper of orphans                        TINI_SUBREAPER\n"
    "  -g         forward signals to the program's process group       TINI_KILL_PROCESS_GROUP\n"
    "  -e CODE    this exit code (0 to 255) becomes 0; repeatable\n"
    "  -p SIGNAL  get this signal when our parent ends, -p SIGKILL\n"
    "  -w         report each zombie that is reaped\n"
    "  -v         more messages; up to three times                     TINI_VERBOSITY (default: 1)\n"
    "\n";

/* docker info reads the version before the dash and the commit after it. */
const char tini_version[] = "tini version " TINI " - git.bailey-init\n";

const char dumb_init_usage[] = "Usage: dumb-init [option] program [args]\n"
                               "Try dumb-init --help for full usage.\n";

const char dumb_init_rewrite_usage[] =
    "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n"
    "This option can be specified multiple times.\n"
    "Use --help for full usage.\n";

/* The text of dumb-init itself: its test suite compares it. */
const char dumb_init_help[] =
    "dumb-init v" DUMB_INIT "\n"
    "Usage: dumb-init [option] command [[arg] ...]\n"
    "\n"
    "dumb-init is a simple process supervisor that forwards signals to children.\n"
    "It is designed to run as PID1 in minimal container environments.\n"
    "\n"
    "Optional arguments:\n"
    "   -c, --single-child   Run in single-child mode.\n"
    "                        In this mode, signals are only proxied to the\n"
    "                        direct child and not any of its descendants.\n"
    "   -r, --rewrite s:r    Rewrite received signal s to new signal r before proxying.\n"
    "                        To ignore (not proxy) a signal, rewrite it to 0.\n"
    "                        This option can be specified multiple times.\n"
    "   -v, --verbose        Print debugging information to stderr.\n"
    "   -h, --help           Print this help message and exit.\n"
    "   -V, --version        Print the current version and exit.\n"
    "\n"
    "Full help is available online at https://github.com/Yelp/dumb-init\n";

const char dumb_init_version[] = "dumb-init v" DUMB_INIT "\n";

const char catatonit_usage[] = "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n";

const char catatonit_help[] =
    "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n"
    "(the dialect of catatonit " CATATONIT " that bailey-init " BAILEY_VERSION " speaks)\n"
    "\n"
    "  -g             forward signals to the program's process group\n"
    "  -P             pause: no program, end on SIGTERM or SIGINT\n"
    "  -h             print this\n"
    "  -L             print the licence\n"
    "  -V, --version  print the version\n";

const char catatonit_version[] = "tini version " CATATONIT "_catatonit\n";

const char licence[] =
    "bailey-init " BAILEY_VERSION " is free software under the MIT licence: use, copy, change and distribute it as you like, as\n"
    "long as the copyright notice and the licence go with it. There is no warranty of any kind.\n";
