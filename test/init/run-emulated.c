/*
 * Stands for bailey-init of another machine: executes it in an emulator, under the name that this program is called by,
 * and with the arguments and all that is inherited as they are. EMULATOR and PROGRAM are files; the emulator's own name
 * should be bailey-init, for that is what /proc shows.
 */
#include <unistd.h>

int main(int argc, char **argv)
{
    char *command[argc + 4];

    command[0] = EMULATOR;
    command[1] = "-0";
    command[2] = argv[0];
    command[3] = PROGRAM;
    for (int i = 1; i <= argc; i++)
        command[i + 3] = argv[i];
    execv(EMULATOR, command);
    return 127;
}
