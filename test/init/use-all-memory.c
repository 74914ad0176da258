/* Uses more and more memory until it is killed. */
#include <stdlib.h>
#include <string.h>

int main(void)
{
    for (;;) {
        char *piece = malloc(1 << 20);

        if (!piece)
            return 71;
        memset(piece, 1, 1 << 20);
    }
}
