/* Waits for a signal that ends it. After two seconds the signal was lost: it exits with 3. */
#include <unistd.h>

int main(void)
{
    sleep(2);
    return 3;
}
