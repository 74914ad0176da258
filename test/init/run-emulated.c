/*
 * Executes bailey-init for another machine in an emulator, with the name and the arguments of this program. EMULATOR and
 * PROGRAM are files. The file of the emulator should be called bailey-init, because /proc shows that name.
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
