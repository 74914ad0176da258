/* A program that does nothing: its start-up time is the kernel's share. */
int main(void)
{
    return 0;
}
